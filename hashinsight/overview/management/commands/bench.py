"""Run one benchmark on services of its own and print its figures as JSON (`./hi bench NAME`)."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandParser

from hashinsight.core.bench import ROOT, emit, raise_file_limit, throwaway_services
from hashinsight.overview.bench import rig as rigs

PROFILES = {"sweep": "bench", "agreement": "hostile", "cadence": "bench"}


class Command(BaseCommand):
    """Outside: services. Inside (with their addresses in the environment): the measurement."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The benchmark and its size."""
        parser.add_argument("name", choices=sorted(PROFILES))
        parser.add_argument("--miners", type=int, default=6000)
        parser.add_argument("--repeat", type=int, default=3, help="rounds (sweep), sweeps (agreement)")
        parser.add_argument("--minutes", type=float, default=10.0, help="length of cadence")
        parser.add_argument("--interval", type=int, default=15, help="seconds between sweeps")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--inside", action="store_true", help="(used by the command itself)")

    def handle(self, *args: Any, inside: bool, **options: Any) -> None:
        """Start the services, then this command again inside of them."""
        if inside:
            self._measure(options)
            return
        wanted = [f"--{key}={options[key]}" for key in ("miners", "repeat", "minutes", "interval", "seed")]
        with throwaway_services() as environment:
            result = subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), "bench", options["name"], "--inside", *wanted],
                env={
                    **environment,
                    "HI_DB_ROLE": "migrate",
                    "HI_MINER_HTTP_USER": rigs.LOGIN,
                    "HI_MINER_HTTP_PASSWORD": secrets.token_urlsafe(12),
                    "HI_SWEEP_IDENTITY_PERCENT": "100" if options["name"] == "agreement" else "5",
                    "HI_SWEEP_INTERVAL_S": str(60 if options["name"] == "sweep" else options["interval"]),
                },
                check=False,
            )
        sys.exit(result.returncode)

    def _measure(self, options: dict[str, Any]) -> None:
        raise_file_limit()
        name = options["name"]
        with (
            tempfile.TemporaryDirectory(prefix="hi-rig-") as folder,
            rigs.rig(
                miners=options["miners"],
                profile=PROFILES[name],
                seed_number=options["seed"],
                folder=Path(folder),
                password=os.environ["HI_MINER_HTTP_PASSWORD"],
            ) as rig,
        ):
            emit(self._run(name, rig, options), self.stdout.write)

    def _run(self, name: str, rig: rigs.Rig, options: dict[str, Any]) -> dict[str, Any]:
        if name == "sweep":
            from hashinsight.overview.bench import sweep

            return sweep.run(rig, repeat=options["repeat"])
        if name == "agreement":
            from hashinsight.overview.bench import agreement

            return agreement.run(rig, sweeps_wanted=options["repeat"], interval_s=options["interval"])
        from hashinsight.overview.bench import cadence

        return cadence.run(rig, minutes=options["minutes"], interval_s=options["interval"])
