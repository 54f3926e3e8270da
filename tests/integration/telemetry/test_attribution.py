"""Whose reading it is: hand-made outcomes, real rows."""

from __future__ import annotations

from typing import Any

import pytest

from hashinsight.integrations.miners.readings import MissCause
from hosting.fleet.choices import DesiredState
from hosting.fleet.models import Miner, Site
from hosting.telemetry import choices
from hosting.telemetry.choices import ClaimState, Identity
from hosting.telemetry.models import AddressClaim, Live, Sample
from hosting.telemetry.services import leases, sink
from hosting.telemetry.services.asking import Outcome
from hosting.telemetry.services.attribution import Attribution, Tally
from tests.integration.telemetry.rig import BOTH, MINUTE, SLOT, answered, device_of, missed
from tests.support.cast import Cast
from tests.support.factories import mac_of, make_miner

pytestmark = pytest.mark.django_db(transaction=True, databases=BOTH)
STRANGE_MAC = mac_of(0xFFFFFF)


@pytest.fixture
def pair(polled_site: Site, cast: Cast) -> tuple[Miner, Miner]:
    return make_miner(polled_site, cast.customer_a), make_miner(polled_site, cast.customer_b)


def _sweep(site: Site, *batches: list[Outcome], slot_at: Any = SLOT) -> Tally:
    """One sweep that hands over these batches one after another."""
    lease = leases.take(site_id=site.pk, host_id=site.host_id, shard=0, slot_at=slot_at)
    assert lease is not None
    attribution = Attribution(lease, site.host_id, 60)
    for outcomes in batches:
        sink.write(lease, attribution.batch(outcomes))
    leases.release(lease)
    return attribution.tally


def _state(miner: Miner) -> tuple[int, bool, int, int | None]:
    live = Live.objects.get(pk=miner.pk)
    return live.identity, live.control_held, live.misses, live.miss_cause


def _remembered(miner: Miner) -> Any:
    """The miner as the next sweep loads it."""
    live = Live.objects.get(pk=miner.pk)
    names = ("misses", "identity", "address_key", "address_mac", "address_checked_at", "address_uptime_s")
    memory = {name: getattr(live, name) for name in (*names, "address_seen_at")}
    return device_of(miner, **memory)


def test_the_own_machine(polled_site: Site, pair: tuple[Miner, Miner]) -> None:
    one, two = pair
    tally = _sweep(polled_site, [answered(one, one.mac), answered(two, None)])
    assert (tally.good, tally.missed) == (2, 0)
    assert _state(one) == (Identity.CONFIRMED, False, 0, None)
    assert _state(two) == (Identity.UNVERIFIED, False, 0, None)
    assert set(Sample.objects.values_list("miner_id", "organization_id")) == {
        (one.pk, one.organization_id),
        (two.pk, two.organization_id),
    }
    assert not AddressClaim.objects.exists()


@pytest.mark.parametrize("together", [True, False])
def test_a_pair_that_traded_addresses(polled_site: Site, pair: tuple[Miner, Miner], together: bool) -> None:
    one, two = pair
    outcomes = [answered(one, two.mac), answered(two, one.mac)]
    batches = [outcomes] if together else [[outcome] for outcome in outcomes]
    tally = _sweep(polled_site, *batches)
    assert (tally.good, tally.missed, tally.duplicates) == (2, 0, 0)
    assert _state(one) == _state(two) == (Identity.MOVED, True, 0, None)
    assert dict(Sample.objects.values_list("miner_id", "organization_id")) == {
        one.pk: one.organization_id,
        two.pk: two.organization_id,
    }
    found = set(AddressClaim.objects.values_list("miner_id", "found_miner_id", "mac_seen", "organization_id"))
    assert found == {
        (one.pk, two.pk, two.mac, one.organization_id),
        (two.pk, one.pk, one.mac, two.organization_id),
    }


@pytest.mark.parametrize("found_first", [True, False])
def test_moved_while_its_own_address_is_silent(
    polled_site: Site, pair: tuple[Miner, Miner], found_first: bool
) -> None:
    one, two = pair
    batches = [[answered(two, one.mac)], [missed(one, MissCause.REFUSED)]]
    tally = _sweep(polled_site, *(batches if found_first else reversed(batches)))
    assert (tally.good, tally.missed, dict(tally.misses)) == (1, 1, {"refused": 1})
    assert _state(one) == (Identity.MOVED, True, 0, None)
    assert _state(two) == (Identity.CONFLICT, True, 1, choices.MissCause.FOREIGN)
    assert list(Sample.objects.values_list("miner_id", flat=True)) == [one.pk]


def test_an_unknown_mac(polled_site: Site, pair: tuple[Miner, Miner]) -> None:
    one, _ = pair
    tally = _sweep(polled_site, [answered(one, STRANGE_MAC)])
    assert (tally.good, dict(tally.misses)) == (0, {"foreign": 1})
    assert _state(one) == (Identity.CONFLICT, True, 1, choices.MissCause.FOREIGN)
    assert not Sample.objects.exists()
    claim = AddressClaim.objects.get()
    assert (claim.mac_seen, claim.found_miner_id, claim.address) == (STRANGE_MAC, None, one.address)
    later = SLOT + MINUTE
    _sweep(polled_site, [answered(one, STRANGE_MAC, at=later, row=_remembered(one))], slot_at=later)
    claim.refresh_from_db()
    assert (claim.first_seen_at, claim.last_seen_at) == (SLOT, later)
    assert AddressClaim.objects.count() == 1


def test_a_stranger_that_tells_no_mac(polled_site: Site, pair: tuple[Miner, Miner]) -> None:
    one, _ = pair
    _sweep(polled_site, [answered(one, None, is_stranger=True)])
    assert _state(one) == (Identity.CONFLICT, True, 1, choices.MissCause.FOREIGN)
    assert AddressClaim.objects.get().mac_seen == ""


@pytest.mark.parametrize("where", ["other_site", "other_host", "retired"])
def test_a_machine_that_is_not_this_sites(
    polled_site: Site, cast: Cast, pair: tuple[Miner, Miner], where: str
) -> None:
    one, _ = pair
    place = {"other_site": cast.other_site, "other_host": cast.stranger_site}.get(where, polled_site)
    other = make_miner(place)
    if where == "retired":
        Miner.objects.filter(pk=other.pk).update(desired_state=DesiredState.RETIRED)
    tally = _sweep(polled_site, [answered(one, other.mac)])
    assert (tally.good, dict(tally.misses)) == (0, {"foreign": 1})
    assert not Sample.objects.exists()
    assert not Live.objects.filter(pk=other.pk).exists()
    assert AddressClaim.objects.get().found_miner_id == (other.pk if where == "other_site" else None)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("own_first", [True, False])
def test_one_machine_at_two_addresses(
    polled_site: Site, pair: tuple[Miner, Miner], together: bool, own_first: bool
) -> None:
    one, two = pair
    outcomes = [answered(one, one.mac), answered(two, one.mac)]
    if not own_first:
        outcomes.reverse()
    tally = _sweep(polled_site, *([outcomes] if together else [[outcome] for outcome in outcomes]))
    assert (tally.good, tally.missed, tally.duplicates) == (1, 1, 1)
    assert list(Sample.objects.values_list("miner_id", flat=True)) == [one.pk]
    assert _state(two) == (Identity.CONFLICT, True, 1, choices.MissCause.FOREIGN)
    identity, held, misses, _ = _state(one)
    expected = (Identity.CONFIRMED, False) if own_first else (Identity.MOVED, True)
    assert (identity, held, misses) == (*expected, 0)


def test_home_again_settles_the_claims(polled_site: Site, pair: tuple[Miner, Miner]) -> None:
    one, two = pair
    _sweep(polled_site, [answered(one, two.mac), answered(two, one.mac)])
    rows = [_remembered(miner) for miner in pair]
    later = SLOT + MINUTE
    # Only the first answers: the claim that it stands at the second's address goes as well.
    _sweep(
        polled_site,
        [answered(one, one.mac, at=later, row=rows[0]), missed(two, at=later, identity=Identity.MOVED)],
        slot_at=later,
    )
    assert _state(one) == (Identity.CONFIRMED, False, 0, None)
    assert _state(two)[:2] == (Identity.MOVED, True)
    assert set(AddressClaim.objects.values_list("state", flat=True)) == {ClaimState.RESOLVED}


def test_doubt_releases_nobody(polled_site: Site, pair: tuple[Miner, Miner]) -> None:
    one, _ = pair
    _sweep(polled_site, [answered(one, STRANGE_MAC)])
    row, later = _remembered(one), SLOT + MINUTE
    tally = _sweep(polled_site, [answered(one, None, at=later, row=row, is_doubtful=True)], slot_at=later)
    assert dict(tally.misses) == {"foreign": 1}
    assert _state(one) == (Identity.CONFLICT, True, 2, choices.MissCause.FOREIGN)
    live = Live.objects.get(pk=one.pk)
    assert (live.address_mac, live.address_seen_at) == (STRANGE_MAC, SLOT)  # asked again next time
    assert not Sample.objects.exists()
    assert AddressClaim.objects.get().state == ClaimState.OPEN


def test_a_dismissed_claim_stays_dismissed_and_control_held(
    polled_site: Site, pair: tuple[Miner, Miner]
) -> None:
    one, _ = pair
    _sweep(polled_site, [answered(one, STRANGE_MAC)])
    AddressClaim.objects.update(state=ClaimState.DISMISSED)
    later = SLOT + MINUTE
    _sweep(polled_site, [answered(one, STRANGE_MAC, at=later, row=_remembered(one))], slot_at=later)
    assert AddressClaim.objects.get().state == ClaimState.DISMISSED
    assert _state(one)[:2] == (Identity.CONFLICT, True)
    another = mac_of(0xFFFFFE)
    latest = later + MINUTE
    _sweep(polled_site, [answered(one, another, at=latest, row=_remembered(one))], slot_at=latest)
    assert AddressClaim.objects.get(state=ClaimState.OPEN).mac_seen == another
