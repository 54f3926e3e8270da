"""``import_miners --site SLUG --file FLEET.csv``: the CSV import from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hashinsight.accounts.choices import OrganizationKind
from hashinsight.accounts.models import Organization
from hashinsight.accounts.selectors import system_scope
from hashinsight.core.scope import open_scope
from hosting.fleet.domain.csv_rows import MAX_BYTES
from hosting.fleet.selectors import sites
from hosting.fleet.services.imports import ImportReport, import_miners


class Command(BaseCommand):
    """Imports the miners of one site; ends with 1 when the file has problems."""

    help = "Import the miners of one site from a CSV file. With any problem nothing is imported."

    def add_arguments(self, parser: CommandParser) -> None:
        """--site, --file, and --host where the installation has several."""
        parser.add_argument("--site", required=True, help="short name of the site")
        parser.add_argument("--file", required=True, type=Path, help="the CSV file")
        parser.add_argument("--host", help="short name of the host (needed when there are several)")
        parser.add_argument("--dry-run", action="store_true", help="show what would happen and take it back")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the import and print its report."""
        content = _content(options["file"])
        with open_scope(system_scope(_host(options["host"]))) as scope:
            site = sites(scope).filter(slug=options["site"]).first()
            if site is None:
                known = ", ".join(sites(scope).values_list("slug", flat=True)) or "none"
                raise CommandError(f"There is no site “{options['site']}”. Known: {known}.")
            report = import_miners(
                actor=None,
                scope=scope,
                site=site,
                content=content,
                dry_run=options["dry_run"],
                source=options["file"].name,
            )
        if report.problems:
            lines = "\n".join(str(problem) for problem in report.problems)
            raise CommandError(f"{lines}\nNothing was imported: {len(report.problems)} problem(s).")
        self.stdout.write(_summary(report))


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CommandError(f"{path} is larger than {MAX_BYTES // 1048576} MB. Split it.")
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def _host(slug: str | None) -> Organization:
    hosts = Organization.objects.filter(kind=OrganizationKind.HOST)
    found = list(hosts.filter(slug=slug) if slug else hosts[:2])
    if len(found) != 1:
        known = ", ".join(hosts.values_list("slug", flat=True)) or "none"
        raise CommandError(f"Name one host with --host. Known: {known}.")
    return found[0]


def _summary(report: ImportReport) -> str:
    verb = "Dry run, nothing was changed. Would" if report.dry_run else "Did"
    return (
        f"{verb}: create {report.created}, change {report.changed}, leave {report.unchanged} as they are"
        f" ({report.absent} not in the file); new zones {report.zones}, racks {report.racks},"
        f" slots {report.slots}."
    )
