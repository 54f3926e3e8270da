"""A person decides about a claim; under the web role where policies matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hashinsight.audit.models import Entry
from hashinsight.core import clock
from hashinsight.core.errors import ConflictError, NotAllowedError, NotFoundError
from hashinsight.core.models import Job
from hashinsight.core.scope import open_scope
from hosting.fleet.choices import DesiredState
from hosting.fleet.models import Miner
from hosting.telemetry.choices import ClaimState
from hosting.telemetry.models import AddressClaim
from hosting.telemetry.services import claims
from tests.support.cast import Cast
from tests.support.factories import mac_of, make_miner

pytestmark = pytest.mark.django_db
NEW_MAC = mac_of(0xFFFFFD)
Decide = Callable[..., Any]


@pytest.fixture
def pair(cast: Cast) -> tuple[Miner, Miner]:
    one = make_miner(cast.site, cast.customer_a, http_port=8080)
    return one, make_miner(cast.site, cast.customer_b)


@pytest.fixture
def decide(cast: Cast, as_web: Callable[[], Any]) -> Decide:
    """``decide("confirm", claim, by="operator")`` as the web role within that person's scope."""

    def run(verb: str, claim: AddressClaim, *, by: str = "owner") -> AddressClaim:
        scope = cast.scope(by)
        with as_web(), open_scope(scope):
            decided: AddressClaim = getattr(claims, verb)(
                actor=getattr(cast, by), scope=scope, public_id=claim.public_id
            )
            return decided

    return run


def _claim(miner: Miner, mac: str, found: Miner | None = None, **fields: Any) -> AddressClaim:
    now = clock.now()
    values: dict[str, Any] = {
        "host_id": miner.host_id,
        "site_id": miner.site_id,
        "organization_id": miner.organization_id,
        "miner_id": miner.pk,
        "address": miner.address,
        "port": miner.port,
        "mac_seen": mac,
        "found_miner_id": found.pk if found else None,
        "first_seen_at": now,
        "last_seen_at": now,
    }
    return AddressClaim.objects.create(**{**values, **fields})


def _place(miner: Miner) -> tuple[str, int, int]:
    found = Miner.objects.get(pk=miner.pk)
    return found.address, found.port, found.http_port


@pytest.mark.parametrize("by", ["owner", "admin", "operator"])
def test_confirming_an_exchange(pair: tuple[Miner, Miner], decide: Decide, by: str) -> None:
    one, two = pair
    places = _place(one), _place(two)
    claim, mate = _claim(one, two.mac, two), _claim(two, one.mac, one)
    decide("confirm", claim, by=by)
    assert (_place(two), _place(one)) == places
    claim.refresh_from_db()
    mate.refresh_from_db()
    assert (claim.state, mate.state) == (ClaimState.CONFIRMED, ClaimState.RESOLVED)
    assert claim.closed_at is not None
    job = Job.objects.get()
    assert (job.task, job.arguments) == ("hosting.telemetry.tasks.sweep_site", {"site_id": one.site_id})
    entry = Entry.objects.get(action="claim.confirm")
    after = entry.after or {}
    assert (after["claim"], after["exchanged_with"]) == (claim.public_id, two.public_id)


def test_confirming_a_replaced_board(pair: tuple[Miner, Miner], decide: Decide) -> None:
    one, _ = pair
    decide("confirm", _claim(one, NEW_MAC))
    assert Miner.objects.get(pk=one.pk).mac == NEW_MAC
    assert _place(one) == (one.address, one.port, 8080)


def test_a_board_whose_mac_another_miner_has(cast: Cast, pair: tuple[Miner, Miner], decide: Decide) -> None:
    one, _ = pair
    make_miner(cast.other_site, mac=NEW_MAC, desired_state=DesiredState.RETIRED)
    claim = _claim(one, NEW_MAC)
    with pytest.raises(ConflictError, match="has the MAC"):
        decide("confirm", claim, by="operator")
    _nothing_changed(claim, one)


def test_confirming_where_a_lost_miner_was_found(pair: tuple[Miner, Miner], decide: Decide) -> None:
    one, _ = pair
    decide("confirm", _claim(one, one.mac, one, address="10.1.9.9", port=4029))
    assert _place(one) == ("10.1.9.9", 4029, 8080)


def test_a_lost_miner_found_where_the_inventory_has_another(
    pair: tuple[Miner, Miner], decide: Decide
) -> None:
    one, two = pair
    places = _place(one), _place(two)
    decide("confirm", _claim(one, one.mac, one, address=two.address, port=two.port))
    assert (_place(two), _place(one)) == places


def test_a_machine_of_another_site_is_not_exchanged(
    cast: Cast, pair: tuple[Miner, Miner], decide: Decide
) -> None:
    one, _ = pair
    other = make_miner(cast.other_site)
    claim = _claim(one, other.mac, other)
    for by in ("owner", "operator"):
        with pytest.raises(ConflictError, match="not in this site's inventory"):
            decide("confirm", claim, by=by)
    _nothing_changed(claim, one, other)


def test_an_inventory_that_has_changed_since(pair: tuple[Miner, Miner], decide: Decide) -> None:
    one, two = pair
    claim = _claim(one, two.mac, two)
    Miner.objects.filter(pk=one.pk).update(address="10.1.8.8")
    one.address = "10.1.8.8"
    with pytest.raises(ConflictError, match="another address"):
        decide("confirm", claim)
    _nothing_changed(claim, one, two)
    Miner.objects.filter(pk=one.pk).delete()
    with pytest.raises(ConflictError):
        decide("confirm", claim)


def test_a_stranger_without_a_mac_cannot_be_confirmed(pair: tuple[Miner, Miner], decide: Decide) -> None:
    claim = _claim(pair[0], "")
    with pytest.raises(ConflictError, match="does not tell its MAC"):
        decide("confirm", claim)
    assert decide("dismiss", claim).public_id == claim.public_id


def test_dismissing(pair: tuple[Miner, Miner], decide: Decide) -> None:
    one, two = pair
    claim = _claim(one, two.mac, two)
    decide("dismiss", claim)
    assert _state(claim) == ClaimState.DISMISSED
    assert _place(one) == (one.address, one.port, one.http_port)
    assert Entry.objects.filter(action="claim.dismiss").count() == 1
    assert not Job.objects.exists()


@pytest.mark.parametrize("first", ["confirm", "dismiss"])
@pytest.mark.parametrize("second", ["confirm", "dismiss"])
def test_a_claim_is_decided_once(pair: tuple[Miner, Miner], decide: Decide, first: str, second: str) -> None:
    one, two = pair
    claim = _claim(one, two.mac, two)
    decide(first, claim)
    state, place = _state(claim), _place(one)
    with pytest.raises(ConflictError):
        decide(second, claim)
    assert (_state(claim), _place(one)) == (state, place)


@pytest.mark.parametrize("verb", ["confirm", "dismiss"])
@pytest.mark.parametrize("by", ["client_a", "partner", "guest"])
def test_who_may_not(pair: tuple[Miner, Miner], decide: Decide, verb: str, by: str) -> None:
    claim = _claim(pair[0], NEW_MAC)
    with pytest.raises(NotAllowedError):
        decide(verb, claim, by=by)
    _nothing_changed(claim, pair[0])


@pytest.mark.parametrize("verb", ["confirm", "dismiss"])
def test_strangers_find_nothing(cast: Cast, pair: tuple[Miner, Miner], decide: Decide, verb: str) -> None:
    claim = _claim(pair[0], NEW_MAC)
    with pytest.raises(NotFoundError):
        decide(verb, claim, by="stranger")
    elsewhere = make_miner(cast.other_site)
    theirs = _claim(elsewhere, NEW_MAC)
    with pytest.raises(NotFoundError):  # the operator is assigned to one site only
        decide(verb, theirs, by="operator")
    # The same without policies: the service itself looks at the scope first.
    with pytest.raises(NotFoundError):
        getattr(claims, verb)(actor=cast.operator, scope=cast.scope("operator"), public_id=theirs.public_id)
    _nothing_changed(claim, pair[0])
    _nothing_changed(theirs, elsewhere)


def _state(claim: AddressClaim) -> str:
    return AddressClaim.objects.get(pk=claim.pk).state


def _nothing_changed(claim: AddressClaim, *miners: Miner) -> None:
    assert _state(claim) == ClaimState.OPEN
    for miner in miners:
        found = Miner.objects.get(pk=miner.pk)
        assert (found.mac, found.address, found.port) == (miner.mac, miner.address, miner.port)
    assert not Entry.objects.filter(action__startswith="claim.").exists()
