"""The back office's home: numbers, each with its age and the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from hashinsight.accounts.models import User
from hashinsight.core import clock
from hashinsight.core.models import Job
from hashinsight.core.scope import Scope
from hashinsight.overview import selectors
from hashinsight.web.access import scope_on
from hosting.telemetry.domain.status import Status


@dataclass(frozen=True, slots=True)
class Number:
    """One number: None = unknown. ``kind`` is one of web.format.KINDS; ``link`` may be empty."""

    label: str
    value: float | None
    kind: str
    source: str
    at: datetime | None
    link: str
    note: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the numbers to the admin home's context (the theme's DASHBOARD_CALLBACK)."""
    scope = scope_on(request)
    context["numbers"] = [] if scope is None else _fleet_numbers(scope) + _house_numbers(scope)
    return context


def _fleet_numbers(scope: Scope) -> list[Number]:
    fleet = selectors.fleet(scope)
    totals, miners = fleet.totals, reverse("telemetry:miners")
    inventory, now, told_at = _("inventory"), clock.now(), totals.sampled_at
    trouble = totals.counts[Status.ATTENTION] + totals.counts[Status.OFFLINE]
    duration = fleet.sweep.duration_s if fleet.sweep else None
    return [
        Number(_("Miners in service"), totals.miners, "count", inventory, now, _admin("fleet_miner", miners)),
        Number(_("Hashrate"), totals.hashrate_ths, "hashrate", totals.hashrate_source, told_at, "/"),
        Number(_("Power"), totals.power_w, "power", totals.power_source, told_at, "/"),
        Number(
            _("Need somebody"), trouble, "count", _("collector and inventory"), fleet.swept_at, miners,
            _("attention and offline"),
        ),
        Number(_("Sites"), len(fleet.lines), "count", inventory, now, _admin("fleet_site", "/")),
        Number(_("Last sweep took"), duration, "duration", _("collector's log"), fleet.swept_at, "/"),
    ]  # fmt: skip


def _house_numbers(scope: Scope) -> list[Number]:
    now, database = clock.now(), _("database")
    people = User.objects.filter(
        is_active=True, memberships__organization__in=_organizations(scope)
    ).distinct()
    waiting = Job.objects.filter(sent_at__isnull=True)
    return [
        Number(
            _("People who can sign in"), people.count(), "count", database, now, _admin("accounts_user", "")
        ),
        Number(_("Jobs waiting"), waiting.count(), "count", _("outbox"), now, "", _("0 is healthy")),
    ]


def _organizations(scope: Scope) -> Any:
    from django.db.models import Q

    from hashinsight.accounts.models import Organization

    return Organization.objects.filter(Q(pk=scope.host_id) | Q(host_id=scope.host_id))


def _admin(model: str, otherwise: str) -> str:
    try:
        return reverse(f"admin:{model}_changelist")
    except NoReverseMatch:
        return otherwise
