"""Writes of single miners and small selections of them; whole sites come by the CSV import."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hashinsight.accounts import permissions
from hashinsight.audit.services import record
from hashinsight.core import clock, jobs
from hashinsight.core.errors import NotAllowedError
from hashinsight.core.scope import Scope
from hosting.fleet.choices import DesiredState
from hosting.fleet.models import Miner
from hosting.fleet.services.imports import SWEEP_TASK

# What the collector must hear of: it asks elsewhere, or in another way.
REACHED_BY: Final = frozenset({"site", "address", "port", "http_port", "dialect", "mac", "desired_state"})


def read_again(site_id: int, changed: Collection[str]) -> None:
    """Promise a sweep of the site when the changed fields touch how a miner is reached."""
    if REACHED_BY.intersection(changed):
        jobs.promise(SWEEP_TASK, site_id=site_id)


@transaction.atomic
def set_desired_state(*, actor: Any, scope: Scope, miners: QuerySet[Miner], state: DesiredState) -> int:
    """Note what is wanted of ``miners`` (nothing is sent to them); returns how many were changed.

    A retired miner leaves its slot. Raises NotAllowedError for a scope that may not manage the fleet.
    """
    if not scope.may(permissions.IMPORT_FLEET) or not scope.is_host_wide:
        raise NotAllowedError(_("Your role does not allow changing miners."))
    rows = list(
        miners.filter(host_id=scope.host_id)
        .exclude(desired_state=state)
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    values: dict[str, Any] = {"desired_state": state, "updated_at": clock.now()}
    if state == DesiredState.RETIRED:
        values["slot"] = None
    Miner.objects.filter(pk__in=[miner.pk for miner in rows]).update(**values)
    for miner in rows:
        record(
            actor=actor,
            action="miner.desired_state",
            target=miner,
            host_id=miner.host_id,
            organization_id=miner.organization_id,
            before={"desired_state": miner.desired_state},
            after={"desired_state": state},
        )
    for site_id in sorted({miner.site_id for miner in rows}):
        read_again(site_id, ["desired_state"])
    return len(rows)
