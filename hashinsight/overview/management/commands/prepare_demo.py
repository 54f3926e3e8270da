"""Migrate and fill the demo's database (started by ``./hi demo``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandParser, call_command

from hashinsight.overview.demo.seed import seed
from hosting.simulator.fleet import Fleet


class Command(BaseCommand):
    """Bring the demo's tables and data up to date."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """The fleet file; the password comes on standard input, so that no process list shows it."""
        parser.add_argument("--fleet", type=Path, required=True)

    def handle(self, *args: Any, fleet: Path, **options: Any) -> None:
        """Migrate, then seed what is not there."""
        password = input()
        call_command("migrate", verbosity=0)
        made = seed(Fleet.from_json(fleet.read_bytes()), password)
        self.stdout.write("made" if made else "kept")
