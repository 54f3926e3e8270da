"""A person decides about an address claim; until then control of the miners concerned is held."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from hashinsight.audit.services import record
from hashinsight.core import clock, jobs
from hashinsight.core.errors import ConflictError, NotAllowedError, NotFoundError
from hashinsight.core.scope import Scope
from hashinsight.core.states import Machine, move
from hosting.fleet.choices import DesiredState
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
    in no inventory, the control board was replaced: the miner at the address gets the new MAC. When the
    lost miner itself was found, its new address goes into the inventory. Raises ConflictError when the
    claim is no longer open or the inventory has changed since, NotFoundError, NotAllowedError.
    """
    claim = _open(scope, public_id)
    if not claim.mac_seen:
        raise ConflictError(
            _("The machine at %(address)s does not tell its MAC.") % {"address": claim.address},
            remedy=_("Look at it, correct the inventory, and dismiss this claim."),
        )
    here, there = _concerned(claim)
    before: dict[str, Any] = {"mac": here.mac, "address": here.address, "port": here.port}
    move(MACHINE, _rows(claim), old=ClaimState.OPEN, new=ClaimState.CONFIRMED, closed_at=clock.now())
    if claim.found_miner_id is None:
        _replace_board(here, claim.mac_seen)
    elif there is not None:
        _exchange(here, there)
    else:
        here.address, here.port = claim.address, claim.port
        here.save(update_fields=["address", "port", "updated_at"])
    if claim.found_miner_id not in {None, here.pk}:
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
        after={
            "mac": here.mac,
            "address": here.address,
            "port": here.port,
            "exchanged_with": there.public_id if there else None,
            "claim": claim.public_id,
        },
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
    visible = AddressClaim.objects.filter(host_id=scope.host_id, public_id=public_id)
    if scope.site_ids is not None:
        visible = visible.filter(site_id__in=scope.site_ids)
    if scope.organization_id is not None:
        visible = visible.filter(organization_id=scope.organization_id)
    claim = visible.first()
    if claim is None:
        raise NotFoundError(_("There is no such address claim."), remedy=_("Reload the page."))
    return claim


def _concerned(claim: AddressClaim) -> tuple[Miner, Miner | None]:
    """The miner of the claim, and the one to exchange addresses with, if any; both locked.

    ConflictError when they are not where the claim says.
    """
    at_home = claim.found_miner_id != claim.miner_id
    concerned = Q(pk__in=[claim.miner_id, claim.found_miner_id or claim.miner_id])
    if not at_home:
        concerned |= Q(address=claim.address, port=claim.port)
    miners = Miner.objects.select_for_update().filter(concerned, site_id=claim.site_id).order_by("pk")
    found = {miner.pk: miner for miner in miners.exclude(desired_state=DesiredState.RETIRED)}
    here = found.pop(claim.miner_id, None)
    there = next(iter(found.values()), None)
    is_whole = there is not None or claim.found_miner_id in {None, claim.miner_id}
    if here is None or not is_whole:
        raise ConflictError(
            _("The machine with the MAC %(mac)s is not in this site's inventory.") % {"mac": claim.mac_seen},
            remedy=_("Move it to this site in the inventory first."),
        )
    if at_home and (here.address, here.port) != (claim.address, claim.port):
        raise ConflictError(
            _("The inventory has another address for %(miner)s by now.") % {"miner": here},
            remedy=_("Dismiss this claim: the next sweep tells what answers there."),
        )
    return here, there


def _replace_board(miner: Miner, mac: str) -> None:
    miner.mac = mac
    try:
        with transaction.atomic():
            miner.save(update_fields=["mac", "updated_at"])
    except IntegrityError:
        raise ConflictError(
            _("Another miner of yours has the MAC %(mac)s.") % {"mac": mac},
            remedy=_("It may be retired: look for it in the inventory."),
        ) from None


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
