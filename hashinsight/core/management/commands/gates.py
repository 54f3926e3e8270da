"""``./hi test``: all gates and tests."""

from __future__ import annotations

import sys
from argparse import REMAINDER
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from hashinsight.core import gates


class Command(BaseCommand):
    """Run the gates on throw-away services; what is not an option of its own goes to pytest."""

    help = "All gates and tests. Arguments that are not listed here go to pytest (then it is one plain run)."
    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Take our own flags out first: Django's parser would refuse pytest's."""
        own = {"--fast", "--only-tests", "--no-tests"}
        if {"-h", "--help"} & set(argv[2:]):
            super().run_from_argv(argv)
            return
        flags = own & set(argv[2:])
        rest = [argument for argument in argv[2:] if argument not in own]
        try:
            code = gates.main(
                rest,
                fast="--fast" in flags,
                gates="--only-tests" not in flags,
                tests="--no-tests" not in flags,
            )
        except KeyboardInterrupt:
            self.stderr.write("stopped before the end")
            code = 130
        sys.exit(code)

    def add_arguments(self, parser: CommandParser) -> None:
        """Only for ``--help``."""
        parser.add_argument(
            "--fast", action="store_true", help="no pip-audit, no tests marked slow, fault or browser"
        )
        parser.add_argument("--only-tests", action="store_true", help="no gates, only pytest")
        parser.add_argument("--no-tests", action="store_true", help="only the gates")
        parser.add_argument("pytest", nargs=REMAINDER, help="arguments for pytest")

    def handle(self, *args: Any, **options: Any) -> None:
        """Called from code: everything."""
        sys.exit(gates.main(options["pytest"], fast=options["fast"]))
