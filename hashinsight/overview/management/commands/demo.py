"""Run a whole demo host on this machine: services, simulated miners, workers, pages (`./hi demo`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from hashinsight.overview.demo.plan import DemoError
from hashinsight.overview.demo.run import run


class Command(BaseCommand):
    """Start the demo and stay until Ctrl-C."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """How many miners, on which port, from scratch or not."""
        parser.add_argument("--miners", type=int, default=None, help="simulated miners (default 6000)")
        parser.add_argument("--port", type=int, default=8000, help="port of the pages (default 8000)")
        parser.add_argument("--fresh", action="store_true", help="throw the demo's data away first")

    def handle(self, *args: Any, miners: int | None, port: int, fresh: bool, **options: Any) -> None:
        """Run; what a person can mend is said in one line."""
        try:
            run(Path(settings.VAR_DIR), miners=miners, port=port, fresh=fresh, say=self._say)
        except DemoError as error:
            raise CommandError(str(error)) from None

    def _say(self, text: str) -> None:
        """At once, also into a file or a pipe."""
        self.stdout.write(text)
        self.stdout.flush()
