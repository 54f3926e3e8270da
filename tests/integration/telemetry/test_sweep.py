"""Whole sweeps of a simulated fleet, in a process of its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
import redis
from django.conf import settings as django_settings

from hashinsight.core import push
from hashinsight.overview.bench.sweep import expected_misses
from hosting.simulator.fleet import Fleet
from hosting.simulator.switches import REPLIES, TRANSPORTS
from hosting.telemetry.choices import ClaimState, Identity, MissCause, Mode
from hosting.telemetry.models import AddressClaim, Live, Sample, Sweep
from hosting.telemetry.services import claims, sweeps
from tests.integration.simulator.running import free_port
from tests.integration.telemetry.rig import BOTH, MINUTE, Rig, due_of, small_fleet
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True, databases=BOTH)
Start = Callable[[Fleet], Rig]


MODELS = ("antminer-s21", "whatsminer-m60", "avalon-a1246", "antminer-s19", "generic-sha256")
OTHERS: list[dict[str, Any]] = [
    {"boards_dead": [0]},
    {"boards_dead": [0, 1, 2]},
    {"fans_dead": [1]},
    {"psu_fault": True},
    {"mode": "sleeping"},
    {"mode": "sleeping"},
    {"clock_skew_s": -1_700_000_000},
    {"serial_api": True, "latency_ms": 60.0},
    {"power_pct": 60.0},
    {"latency_ms": 400.0, "latency_sigma": 0.4},
    {"joined_refused": True},
]
# Pairs that traded addresses: the same kind, two kinds, one that tells its MAC nowhere.
SWAPPED = (
    ("antminer-s21", "antminer-s19-xp"),
    ("whatsminer-m60", "avalon-a1246"),
    ("antminer-s19", "generic-sha256"),
)


def _every_misbehaviour() -> tuple[Fleet, list[tuple[int, int]]]:
    """About 60 miners with each misbehaviour, most of them on another model each time, and the pairs."""
    changes: list[dict[str, Any]] = [{"transport": name} for name in TRANSPORTS]
    changes += [{"reply": name} for name in REPLIES if name != "ok"] + OTHERS
    rows = [(MODELS[i % len(MODELS)], change) for i, change in enumerate([*changes, *changes[:20]])]
    pairs = [(len(rows) + 2 * i, len(rows) + 2 * i + 1) for i in range(len(SWAPPED))]
    for (one, two), models in zip(pairs, SWAPPED, strict=True):
        rows += [(models[0], {"swap_with": two}), (models[1], {"swap_with": one})]
    fleet = small_fleet(*rows)
    refused = [
        replace(m, port=m.port + 1, http_port=m.http_port + 1)
        if m.behaviour.get("transport") == "refused"
        else m
        for m in fleet.miners
    ]
    return replace(fleet, miners=tuple(refused)), pairs


@pytest.mark.slow
def test_every_misbehaviour_at_once(start: Start) -> None:
    fleet, pairs = _every_misbehaviour()
    count, expected = len(fleet.miners), expected_misses(fleet)
    rig = start(fleet)
    report = rig.sweep()
    assert Counter(report.tally.misses) == expected
    assert {cause.name.lower() for cause in MissCause} == set(expected)
    assert report.planned == count == report.tally.good + report.tally.missed
    assert len(rig.sampled()) == count - expected.total()
    _swapped_pairs_are_right(rig, pairs)
    row = Sweep.objects.get(slot_at=rig.slot_at)
    assert row.finished_at is not None
    assert row.misses == dict(expected)
    assert (row.planned, row.missed) == (count, expected.total())
    assert row.good == row.stored == count - expected.total()
    for miner in fleet.miners:
        sample = rig.sample(miner.index)
        if miner.behaviour.get("mode") == "sleeping":
            assert sample is not None
            assert sample.mode != Mode.MINING
    again = rig.sweep()
    assert Counter(again.tally.misses) == expected
    assert Sample.objects.count() == 2 * (count - expected.total())


def _swapped_pairs_are_right(rig: Rig, pairs: list[tuple[int, int]]) -> None:
    for one, two in pairs:
        for index, other in ((one, two), (two, one)):
            assert rig.live(index).control_held
            if rig.miners[index].dialect == "cgminer":  # tells its MAC nowhere: its reading is nobody's
                assert rig.sample(index) is None
                continue
            assert rig.live(index).identity == Identity.MOVED
            _is_its_own(rig, index)
            claim = AddressClaim.objects.get(miner_id=rig.miners[other].pk)
            assert claim.found_miner_id == rig.miners[index].pk


SWAPS = {
    "two antminers": ("antminer-s21", "antminer-s19"),
    "antminer and whatsminer": ("antminer-s21", "whatsminer-m50s"),
    "antminer and a mute machine": ("antminer-s21", "generic-sha256"),
    "avalon and whatsminer": ("avalon-a1246", "whatsminer-m60"),
}


@pytest.mark.parametrize("models", SWAPS.values(), ids=SWAPS)
def test_a_swap_between_two_sweeps_is_noticed_in_the_next(
    start: Start, cast: Cast, models: tuple[str, str]
) -> None:
    rig = start(small_fleet((models[0], {}), (models[1], {}), ("antminer-s19-xp", {})))
    first = rig.sweep()
    assert first.tally.good == 3
    assert not Live.objects.filter(control_held=True).exists()
    rig.simulator.switch([0], swap_with=1)
    mute = models[1] == "generic-sha256"

    for _ in range(2):
        report = rig.sweep()
        held = rig.live(0)
        assert (held.identity, held.control_held) == (Identity.MOVED, True)
        _is_its_own(rig, 0)
        if mute:  # its MAC is unknown, so its reading is nobody's
            assert dict(report.tally.misses) == {"foreign": 1}
            assert rig.sample(1) is None
        else:
            assert report.tally.good == 3
            _is_its_own(rig, 1)
            assert rig.live(1).identity == Identity.MOVED
        assert rig.live(1).control_held
        assert rig.live(2).identity == Identity.CONFIRMED

    claim = AddressClaim.objects.get(miner_id=rig.miners[1].pk)
    assert claim.found_miner_id == rig.miners[0].pk
    claims.confirm(actor=cast.owner, scope=cast.scope("owner"), public_id=claim.public_id)
    for _ in range(2):
        rig.sweep()
    assert rig.sampled() == {0, 1, 2}
    _is_its_own(rig, 0)
    _is_its_own(rig, 1)
    assert not Live.objects.filter(control_held=True).exists()
    assert rig.live(0).identity == Identity.CONFIRMED
    assert not AddressClaim.objects.filter(state=ClaimState.OPEN).exists()


def test_back_where_they_belong_releases_them(start: Start) -> None:
    rig = start(small_fleet(("antminer-s21", {}), ("generic-sha256", {}), ("whatsminer-m60", {})))
    rig.sweep()
    rig.simulator.switch([0], swap_with=1)
    rig.sweep()
    assert rig.live(0).control_held
    assert rig.live(1).control_held
    rig.simulator.switch([0], swap_with=1)
    assert rig.sweep().tally.good == 3
    _is_its_own(rig, 0)
    _is_its_own(rig, 1)
    assert (rig.live(0).identity, rig.live(0).control_held) == (Identity.CONFIRMED, False)
    assert (rig.live(1).identity, rig.live(1).control_held) == (Identity.UNVERIFIED, False)
    assert set(AddressClaim.objects.values_list("state", flat=True)) == {ClaimState.RESOLVED}


def test_a_machine_that_cannot_be_asked_who_it_is_stays_held(start: Start, settings: Any) -> None:
    """Its web page fails after a reboot: what was in doubt stays held, and nothing goes to the wrong one."""
    rig = start(small_fleet(("antminer-s21", {}), ("antminer-s19", {})))
    rig.sweep()
    rig.simulator.switch([0], swap_with=1)
    rig.sweep()
    assert rig.live(0).identity == rig.live(1).identity == Identity.MOVED
    Live.objects.update(address_uptime_s=7)  # as if each had rebooted since
    for miner in rig.miners:
        type(miner).objects.filter(pk=miner.pk).update(http_port=free_port())
    rig.memories._known.clear()
    report = rig.sweep()
    assert report.tally.good == 0
    assert dict(report.tally.misses) == {"foreign": 2}
    assert rig.live(0).identity == rig.live(1).identity == Identity.MOVED
    assert rig.live(0).control_held
    assert rig.live(1).control_held
    assert rig.sampled() == set()
    for miner, simulated in zip(rig.miners, rig.simulator.fleet.miners, strict=True):
        type(miner).objects.filter(pk=miner.pk).update(http_port=simulated.http_port)
    rig.memories._known.clear()
    assert rig.sweep().tally.good == 2
    _is_its_own(rig, 0)
    _is_its_own(rig, 1)


def test_a_reboot_is_no_conflict(start: Start) -> None:
    rig = start(small_fleet(("antminer-s21", {}), ("whatsminer-m60", {})))
    rig.sweep()
    Live.objects.update(address_uptime_s=1)
    assert rig.sweep().tally.good == 2
    assert [rig.live(0).identity, rig.live(1).identity] == [Identity.CONFIRMED] * 2
    assert not AddressClaim.objects.exists()


def test_the_dead_wait_their_turn_and_the_rest_are_told(start: Start) -> None:
    rig = start(small_fleet(("antminer-s21", {}), ("whatsminer-m60", {"transport": "denied"})))
    listener: Any = redis.Redis.from_url(django_settings.REDIS_CACHE_URL).pubsub()  # type: ignore[no-untyped-call]
    listener.subscribe(push.site_channel(rig.site.pk))
    assert listener.get_message(timeout=2) is not None
    for misses in (1, 2):
        report = rig.sweep()
        assert rig.live(1).misses == misses
    assert rig.live(1).next_due_at is not None
    message = _next_message(listener)
    assert {key: message[key] for key in ("site", "host")} == {"site": rig.site.pk, "host": rig.site.host_id}
    assert message["rows"] == 1
    listener.close()

    rig.slot_at += MINUTE
    later = sweeps.sweep_shard(due_of(rig.site, rig.slot_at), memories=rig.memories)
    assert later is not None
    assert (later.planned, later.deferred) == (1, 1)
    assert report.deferred == 0


def _next_message(listener: Any) -> Any:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        found = listener.get_message(ignore_subscribe_messages=True, timeout=1)
        if found:
            return orjson.loads(found["data"])
    raise AssertionError("nothing was told")


def _is_its_own(rig: Rig, index: int) -> None:
    """The last sample of a miner is a reading of that very machine: each has another nameplate."""
    sample = rig.sample(index)
    assert sample is not None
    assert sample.hashrate_ths == pytest.approx(rig.simulator.fleet.miners[index].nominal_ths, rel=0.12)
