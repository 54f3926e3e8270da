"""Importing a site's miners from CSV: all or nothing, and a dry run that is the real run taken back."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from hashinsight.accounts import permissions
from hashinsight.audit.services import record
from hashinsight.core import jobs, locks
from hashinsight.core.errors import NotAllowedError
from hashinsight.core.scope import Scope
from hosting.fleet.choices import DesiredState, Dialect
from hosting.fleet.domain import csv_rows
from hosting.fleet.domain.csv_rows import Problem
from hosting.fleet.domain.import_plan import Inventory, Plan, changed_fields, make_plan
from hosting.fleet.models import Miner, Site
from hosting.fleet.selectors.inventory import import_inventory
from hosting.fleet.services import import_sql
from hosting.fleet.services.import_texts import RowProblem, in_words

SWEEP_TASK: Final = "hosting.telemetry.tasks.sweep_site"
AUDITED_CHANGES: Final = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """What changes on one miner: field -> (before, after)."""

    number: int
    mac: str
    fields: dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or (``dry_run``) would do. With problems nothing was written."""

    site: Site
    dry_run: bool
    rows: int
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    absent: int = 0
    zones: int = 0
    racks: int = 0
    slots: int = 0
    changes: list[Change] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether the file can be (or was) imported."""
        return not self.problems

    @property
    def changes_anything(self) -> bool:
        """Whether the file differs from the inventory."""
        return self.is_clean and bool(self.created or self.changed or self.slots)


class _TakeBackError(Exception):
    """Ends a dry run, or an import that failed at the last moment, with a rollback."""


def import_miners(
    *, actor: Any, scope: Scope, site: Site, content: bytes, dry_run: bool = False, source: str = ""
) -> ImportReport:
    """Bring the miners of ``site`` in line with the CSV file ``content`` (format: ``domain.csv_rows``).

    Miners are recognised by MAC: unknown ones are created, known ones changed, those that the file does not
    name stay. Zones, racks and slots are made as needed. One transaction under a lock of the site; with any
    problem nothing is written and all problems are reported. ``dry_run`` does the same and takes it back.
    ``source``: the file's name, for the audit trail. Raises NotAllowedError.
    """
    if not scope.may(permissions.IMPORT_FLEET) or not scope.is_host_wide or site.host_id != scope.host_id:
        raise NotAllowedError(_("Your role does not allow importing miners here."))
    if scope.site_ids is not None and site.pk not in scope.site_ids:
        raise NotAllowedError(_("You do not work on this site."))
    parsed = csv_rows.parse(content, states=DesiredState.values, dialects=Dialect.values)
    report = ImportReport(site, dry_run, parsed.count)
    try:
        with transaction.atomic():
            locks.hold(f"fleet.import:{site.pk}")
            inventory = import_inventory(scope, site)
            plan = make_plan(parsed, inventory)
            if problems := plan.problems or _write(plan, scope, site):
                report = replace(report, problems=[in_words(problem) for problem in problems])
                raise _TakeBackError
            report = _filled(report, plan, inventory)
            if dry_run:
                raise _TakeBackError
            _close(report, actor=actor, scope=scope, content=content, source=source)
    except _TakeBackError:
        pass
    return report


def _filled(report: ImportReport, plan: Plan, inventory: Inventory) -> ImportReport:
    names = _Names(inventory)
    return replace(
        report,
        created=len(plan.create),
        changed=len(plan.change),
        unchanged=plan.unchanged,
        absent=plan.absent,
        zones=len(plan.zones),
        racks=len(plan.racks),
        slots=len(plan.slots),
        changes=[
            Change(new.number, new.mac, names.readable(changed_fields(old, new))) for old, new in plan.change
        ],
    )


class _Names:
    """Row numbers of models and owners, back to the names that the file uses."""

    def __init__(self, inventory: Inventory) -> None:
        models = {pk: slug for slug, (pk, _dialect) in inventory.models.items()}
        owners = {pk: slug for slug, pk in inventory.customers.items()}
        self._known: dict[str, tuple[str, Mapping[int, str]]] = {
            "model_id": ("model", models),
            "organization_id": ("customer", owners),
        }

    def readable(self, fields: Mapping[str, tuple[object, object]]) -> dict[str, tuple[str, str]]:
        out = {}
        for name, values in fields.items():
            label, known = self._known.get(name, ("slot" if name == "place" else name, {}))
            out[label] = (self._word(known, values[0]), self._word(known, values[1]))
        return out

    @staticmethod
    def _word(known: Mapping[int, str], value: object) -> str:
        if isinstance(value, tuple):
            return " / ".join(str(part) for part in value)
        if isinstance(value, int):
            return known.get(value, str(value))
        return "" if value is None else str(value)


def _write(plan: Plan, scope: Scope, site: Site) -> list[Problem]:
    """Write the plan; returns conflicts with rows that the scope cannot see (then nothing is written)."""
    try:
        with transaction.atomic():
            slots = import_sql.make_places(plan, scope, site)
            import_sql.change_miners(plan, scope, slots)
            import_sql.create_miners(plan, scope, site, slots)
    except IntegrityError:
        return _hidden_conflicts(plan, scope, site)
    return []


def _hidden_conflicts(plan: Plan, scope: Scope, site: Site) -> list[Problem]:
    """Name the rows that cannot be created because of a miner outside the scope (or added meanwhile)."""
    found: list[Problem] = []
    try:
        with transaction.atomic():
            slots = import_sql.make_places(plan, scope, site)
            import_sql.create_miners(plan, scope, site, slots, skip_conflicts=True)
            created = set(Miner.objects.filter(site=site).values_list("mac", flat=True))
            found = [
                Problem(row.number, "mac", row.mac, "hidden_taken")
                for row in plan.create
                if row.mac not in created
            ]
            raise _TakeBackError
    except (_TakeBackError, IntegrityError):
        return found or [Problem(0, "", "", "hidden_conflict")]


def _close(report: ImportReport, *, actor: Any, scope: Scope, content: bytes, source: str) -> None:
    """Audit row and, on commit, a sweep of the site, when there was anything to do."""
    if not report.changes_anything:
        return
    listed = report.changes[:AUDITED_CHANGES]
    record(
        actor=actor,
        action="fleet.import",
        target=report.site,
        host_id=scope.host_id,
        organization_id=scope.host_id,
        before={change.mac: _side(change, 0) for change in listed} or None,
        after={
            "file": source[:200],
            "sha256": hashlib.sha256(content).hexdigest(),
            "created": report.created,
            "changed": report.changed,
            "fields": dict(Counter(name for change in report.changes for name in change.fields)),
            "miners": {change.mac: _side(change, 1) for change in listed},
        },
    )
    if report.created or report.changed:
        jobs.promise(SWEEP_TASK, site_id=report.site.pk)


def _side(change: Change, index: int) -> dict[str, str]:
    return {name: values[index] for name, values in change.fields.items()}
