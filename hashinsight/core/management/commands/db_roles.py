"""``./hi manage db_roles --sql``: the four database roles, as a script for the administrator of a server."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hashinsight.core.embedded.binaries import LOWEST_POSTGRES
from hashinsight.core.embedded.roles import roles_script


class Command(BaseCommand):
    """Prints the script and changes nothing. Needs no database."""

    help = (
        "Print the psql script that makes the four database roles and their rights."
        " Run it as superuser: once per server, again after an upgrade, and in a database before a restore."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """--sql, and for which database of which server."""
        parser.add_argument("--sql", action="store_true", required=True, help="print the script")
        parser.add_argument("--database", default="hashinsight", help="name of the database (hashinsight)")
        parser.add_argument("--major", type=int, default=17, help="major version of the server (17)")

    def handle(self, *args: Any, database: str, major: int, **options: Any) -> None:
        """Write the script to standard output. Raises CommandError for a server that is too old."""
        if major < LOWEST_POSTGRES:
            raise CommandError(f"PostgreSQL {major} is too old: {LOWEST_POSTGRES} is the lowest.")
        self.stdout.write(roles_script(database, major), ending="")
