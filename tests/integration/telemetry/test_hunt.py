"""Miners that moved to an address that the inventory does not know, against a simulated site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.core.cache import cache

from hashinsight.core import clock
from hosting.fleet.models import Miner
from hosting.simulator.fleet import Fleet
from hosting.telemetry import tasks
from hosting.telemetry.choices import ClaimState, Identity, MissCause
from hosting.telemetry.models import AddressClaim, Live
from hosting.telemetry.services import claims, hunt, sweeps
from tests.integration.telemetry.rig import BOTH, Rig, small_fleet
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True, databases=BOTH)
Start = Callable[[Fleet], Rig]

HOME, HOME_PORT = "127.200.0.9", 1  # nobody listens there
LOST = (0, 1)


@pytest.fixture
def rig(start: Start) -> Rig:
    """Two machines whose addresses the inventory has wrong, three where they should be; three sweeps done."""
    made = start(
        small_fleet(
            ("antminer-s21", {}),
            ("whatsminer-m60", {}),
            ("avalon-a1246", {}),
            ("antminer-s19", {}),
            ("generic-sha256", {}),
        )
    )
    made.site.address_ranges = sorted(
        {str(ip_network(f"{miner.address}/26", strict=False)) for miner in made.miners}
    )
    made.site.save()
    for index in LOST:
        Miner.objects.filter(pk=made.miners[index].pk).update(address=HOME, port=HOME_PORT + index)
    for _ in range(3):
        made.sweep()
    return made


def _connections(rig: Rig) -> list[int]:
    found: list[int] = rig.simulator.get("/counters?miners=1")["per_miner"]["connections"]
    return found


def _claim(rig: Rig, index: int) -> AddressClaim:
    return AddressClaim.objects.get(miner_id=rig.miners[index].pk, state=ClaimState.OPEN)


def test_the_lost_are_found_read_and_held_until_confirmed(rig: Rig, cast: Cast) -> None:
    before = _connections(rig)
    assert hunt.sites_to_hunt() == [rig.site.pk]
    report = hunt.hunt(rig.site.pk)
    assert (report.lost, report.found) == (2, 2)
    after = _connections(rig)
    assert [after[i] - before[i] for i in (2, 3, 4)] == [0, 0, 0]  # the sweep asks these by itself

    for index in LOST:
        claim, simulated = _claim(rig, index), rig.simulator.fleet.miners[index]
        assert (claim.address, claim.port, claim.mac_seen) == (
            simulated.address,
            simulated.port,
            simulated.mac,
        )
        assert claim.found_miner_id == claim.miner_id
    for _ in range(2):
        assert rig.sweep().tally.good == 5
        for index in LOST:
            _is_read_there(rig, index, Identity.MOVED, held=True)

    for index in LOST:
        claims.confirm(actor=cast.owner, scope=cast.scope("owner"), public_id=_claim(rig, index).public_id)
        miner, simulated = Miner.objects.get(pk=rig.miners[index].pk), rig.simulator.fleet.miners[index]
        assert (miner.address, miner.port) == (simulated.address, simulated.port)
    assert rig.sweep().tally.good == 5
    for index in LOST:
        _is_read_there(rig, index, Identity.CONFIRMED, held=False)
    assert set(AddressClaim.objects.values_list("state", flat=True)) == {ClaimState.CONFIRMED}
    assert hunt.sites_to_hunt() == []


def _is_read_there(rig: Rig, index: int, identity: Identity, *, held: bool) -> None:
    live, sample = rig.live(index), rig.sample(index)
    assert (live.identity, live.control_held, live.misses) == (identity, held, 0)
    assert sample is not None
    assert sample.hashrate_ths == pytest.approx(rig.simulator.fleet.miners[index].nominal_ths, rel=0.12)


def test_a_dismissed_find_is_not_read_and_not_proposed_again(rig: Rig, cast: Cast) -> None:
    hunt.hunt(rig.site.pk)
    rig.sweep()
    claims.dismiss(actor=cast.owner, scope=cast.scope("owner"), public_id=_claim(rig, 0).public_id)
    for _ in range(hunt.LOST_MISSES):
        rig.sweep()
        assert rig.sample(0) is None
        assert rig.sample(1) is not None
    live = rig.live(0)
    assert (live.misses, live.miss_cause, live.control_held) == (3, MissCause.REFUSED, True)
    report = hunt.hunt(rig.site.pk)
    assert (report.lost, report.found) == (1, 1)
    assert not AddressClaim.objects.filter(miner_id=rig.miners[0].pk, state=ClaimState.OPEN).exists()


@pytest.mark.parametrize("field", ["ranges", "polled"])
def test_without_ranges_or_polling_nobody_is_asked(rig: Rig, field: str) -> None:
    if field == "ranges":
        rig.site.address_ranges = []
    else:
        rig.site.is_polled = False
    rig.site.save()
    before = _connections(rig)
    assert hunt.sites_to_hunt() == []
    assert hunt.hunt(rig.site.pk).asked == 0
    assert _connections(rig) == before


def test_nobody_is_asked_while_nobody_is_lost(start: Start) -> None:
    rig = start(small_fleet(("whatsminer-m60", {}), ("antminer-s21", {"reply": "truncated"})))
    for _ in range(3):
        rig.sweep()
    assert rig.live(1).misses == 3
    assert hunt.hunt(rig.site.pk).asked == 0


def test_machines_that_cannot_tell_their_mac_are_not_looked_for(rig: Rig, settings: Any) -> None:
    settings.MINER_HTTP_USER = ""
    Miner.objects.filter(pk=rig.miners[1].pk).delete()
    report = hunt.hunt(rig.site.pk)
    assert (report.lost, report.asked) == (0, 0)


def test_runs_go_on_where_the_last_one_ended(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunt, "MOST_ADDRESSES", 40)
    found = runs = 0
    while found < 2:
        report = hunt.hunt(rig.site.pk)
        assert report.asked <= 40
        found, runs = found + report.found, runs + 1
        assert runs < 20
        if report.found:
            rig.sweep()
    assert runs > 1


def test_a_find_that_was_not_seen_again_gives_way_to_the_inventory(rig: Rig) -> None:
    hunt.hunt(rig.site.pk)
    rig.sweep()
    AddressClaim.objects.update(last_seen_at=clock.now() - timedelta(minutes=16))
    rows = {row.miner_id: row for row in sweeps.load_devices(rig.site.pk, 0, 1)}
    assert [rows[rig.miners[i].pk].is_found for i in range(3)] == [False, False, False]
    assert rows[rig.miners[0].pk].address == HOME
    # Back at home (the inventory is right again): nobody needs to decide any more.
    for index in LOST:
        simulated = rig.simulator.fleet.miners[index]
        Miner.objects.filter(pk=rig.miners[index].pk).update(address=simulated.address, port=simulated.port)
    rig.sweep()
    for index in LOST:
        _is_read_there(rig, index, Identity.CONFIRMED, held=False)
    assert set(AddressClaim.objects.values_list("state", flat=True)) == {ClaimState.RESOLVED}


def test_another_machine_where_the_lost_one_was_found(rig: Rig) -> None:
    hunt.hunt(rig.site.pk)
    rig.sweep()
    rig.simulator.switch(
        [1], swap_with=2
    )  # the Whatsminer goes on to the Avalon's address, and the other way
    rig.sweep()
    _is_read_there(rig, 1, Identity.MOVED, held=True)
    _is_read_there(rig, 2, Identity.MOVED, held=True)
    mine = AddressClaim.objects.get(miner_id=rig.miners[1].pk)
    assert mine.state == ClaimState.RESOLVED
    assert AddressClaim.objects.get(miner_id=rig.miners[2].pk).found_miner_id == rig.miners[1].pk


def test_an_answer_without_proof_at_the_found_address_is_not_the_lost_miners(rig: Rig) -> None:
    hunt.hunt(rig.site.pk)
    rig.simulator.switch(
        [0], swap_with=4
    )  # the mute machine answers there now, and the lost one at its place
    report = rig.sweep()
    assert (report.tally.good, dict(report.tally.misses)) == (4, {"foreign": 1})
    _is_read_there(rig, 0, Identity.MOVED, held=True)
    assert rig.sample(4) is None
    assert rig.live(4).control_held


def test_the_task_hunts_every_site_and_never_twice_at_a_time(rig: Rig) -> None:
    cache.set(tasks.HUNTING, 1, 60)
    tasks.hunt_moved()
    assert not AddressClaim.objects.exists()
    cache.delete(tasks.HUNTING)
    tasks.hunt_moved()
    assert AddressClaim.objects.count() == 2
    assert cache.get(tasks.HUNTING) is None
    assert Live.objects.filter(misses__gte=3).count() == 2
