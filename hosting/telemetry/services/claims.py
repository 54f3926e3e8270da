"""A person decides about an address claim; until then control of the miners concerned is held."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.audit.services import record
from hashinsight.core import clock, jobs
from hashinsight.core.errors import ConflictError, NotAllowedError
from hashinsight.core.scope import Scope
from hashinsight.core.states import Machine, move
from hosting.fleet.models import Miner
from hosting.telemetry.choices import ClaimState
from hosting.telemetry.models import AddressClaim

ACTION = "fleet.confirm_identity"
PARKING_PORT = 0
MACHINE = Machine(
    field="state",
    moves=frozenset(
        {
            (ClaimState.OPEN, ClaimState.CONFIRMED),
            (ClaimState.OPEN, ClaimState.DISMISSED),
            (ClaimState.OPEN, ClaimState.RESOLVED),
        }
    ),
)


@transaction.atomic
def confirm(*, actor: Any, scope: Scope, public_id: str) -> AddressClaim:
    """Accept what was seen, and read the site again at once.

    When the MAC is another miner's, the two miners exchange their addresses in the inventory. When it is
    in no inventory, the control board was replaced: the miner at the address gets the new MAC. Raises
    ConflictError when the claim is no longer open.
    """
    claim = _open(scope, public_id)
    if not claim.mac_seen:
        raise ConflictError(
            _("The machine at %(address)s does not tell its MAC.") % {"address": claim.address},
            remedy=_("Look at it, correct the inventory, and dismiss this claim."),
        )
    here = Miner.objects.select_for_update().get(pk=claim.miner_id)
    if claim.found_miner_id is None:
        before: dict[str, Any] = {"mac": here.mac}
        after: dict[str, Any] = {"mac": claim.mac_seen}
        here.mac = claim.mac_seen
        here.save(update_fields=["mac", "updated_at"])
    else:
        there = Miner.objects.select_for_update().get(pk=claim.found_miner_id)
        before = {"address": there.address, "port": there.port}
        after = {"address": here.address, "port": here.port}
        _exchange(here, there)
    move(MACHINE, _rows(claim), old=ClaimState.OPEN, new=ClaimState.CONFIRMED, closed_at=clock.now())
    if claim.found_miner_id is not None:
        AddressClaim.objects.filter(
            site_id=claim.site_id, miner_id=claim.found_miner_id, mac_seen=here.mac, state=ClaimState.OPEN
        ).update(state=ClaimState.RESOLVED, closed_at=clock.now())
    record(
        actor=actor,
        action="claim.confirm",
        target=here,
        host_id=scope.host_id,
        organization_id=here.organization_id,
        before=before,
        after={**after, "claim": claim.public_id},
    )
    jobs.promise("hosting.telemetry.tasks.sweep_site", site_id=claim.site_id)
    return claim


@transaction.atomic
def dismiss(*, actor: Any, scope: Scope, public_id: str) -> AddressClaim:
    """Leave the inventory as it is and stop asking about this MAC at this address.

    Control stays held while the other machine answers there. Raises ConflictError when not open.
    """
    claim = _open(scope, public_id)
    move(MACHINE, _rows(claim), old=ClaimState.OPEN, new=ClaimState.DISMISSED, closed_at=clock.now())
    record(
        actor=actor,
        action="claim.dismiss",
        target=claim,
        host_id=scope.host_id,
        organization_id=claim.organization_id,
        after={"mac_seen": claim.mac_seen},
    )
    return claim


def _open(scope: Scope, public_id: str) -> AddressClaim:
    if not scope.may(ACTION):
        raise NotAllowedError(_("Your role may not decide about address claims."))
    claim = AddressClaim.objects.filter(host_id=scope.host_id, public_id=public_id).first()
    if claim is None:
        raise ConflictError(_("There is no such address claim."), remedy=_("Reload the page."))
    return claim


def _rows(claim: AddressClaim) -> Any:
    return AddressClaim.objects.filter(pk=claim.pk)


def _exchange(one: Miner, other: Miner) -> None:
    """Swap addresses; the first is parked on port 0 meanwhile, since an address belongs to one miner."""
    first = (one.address, one.port, one.http_port)
    Miner.objects.filter(pk=one.pk).update(port=PARKING_PORT)
    one.address, one.port, one.http_port = other.address, other.port, other.http_port
    other.address, other.port, other.http_port = first
    fields = ["address", "port", "http_port", "updated_at"]
    other.save(update_fields=fields)
    one.save(update_fields=fields)
