"""What a batch leaves in the tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg.errors import CheckViolation

from hashinsight.core import clock
from hashinsight.integrations.miners.readings import Board, MissCause, Mode, Pool, Reading
from hosting.fleet.models import Miner, Site
from hosting.telemetry import choices
from hosting.telemetry.domain.rows import SAMPLE_COLUMNS
from hosting.telemetry.models import Live, Sample
from hosting.telemetry.services import leases, sink
from hosting.telemetry.services.asking import Outcome
from hosting.telemetry.services.attribution import Attribution
from tests.integration.telemetry.rig import BOTH, MINUTE, READING, SLOT, answered, missed
from tests.support.factories import make_miner

pytestmark = pytest.mark.django_db(transaction=True, databases=BOTH)


def _write(site: Site, *outcomes: Outcome, slot_at: Any = SLOT) -> int:
    lease = leases.take(site_id=site.pk, host_id=site.host_id, shard=0, slot_at=slot_at)
    assert lease is not None
    try:
        return sink.write(lease, Attribution(lease, site.host_id, 60).batch(list(outcomes)))
    finally:
        leases.release(lease)


@pytest.fixture
def miners(polled_site: Site) -> list[Miner]:
    return [make_miner(polled_site) for _ in range(4)]


def test_every_column_lands_as_sent(polled_site: Site, miners: list[Miner]) -> None:
    miner, at = miners[0], SLOT + timedelta(seconds=3, microseconds=250)
    reading = replace(
        READING,
        boards=(Board(0, 33.5, 60.0, 74.5, 76, 76), Board(1, 0.0, None, None, 70, 76), Board(2)),
        pools=(Pool(0, "stratum+tcp://a:1", "w.1", False, False), Pool(1, "b", "w", True, True, 9, 1)),
        error_codes=("2010",),
        repairs=5,
    )
    assert _write(polled_site, answered(miner, miner.mac, at=at, reading=reading)) == 1
    shared = {
        "hashrate_ths": 100.25,
        "hashrate_short_ths": 101.5,
        "power_w": 3250,
        "temp_chip_max_c": 74.5,
        "temp_board_max_c": 61.0,
        "temp_inlet_c": 25.5,
        "rtt_ms": 12.5,
        "accepted": 1_000,
        "rejected": 3,
        "stale": 2,
        "hw_errors": 7,
        "uptime_s": 5_000,
        "repairs": 5,
        "fan_min_rpm": 5880,
        "fan_max_rpm": 6000,
        "boards_hashing": 1,
        "pool_index": 1,
        "mode": choices.Mode.MINING,
        "power_source": choices.PowerSource.MEASURED,
        "slot_at": SLOT,
        "sampled_at": at,
        "host_id": miner.host_id,
        "site_id": polled_site.pk,
        "organization_id": miner.organization_id,
        "miner_id": miner.pk,
    }
    assert set(shared) == {name for name, _ in SAMPLE_COLUMNS}
    assert Sample.objects.values(*shared).get() == shared
    live = Live.objects.get()
    assert {name: getattr(live, name) for name in shared} == shared
    assert (live.hashrate_window_s, live.hashrate_nominal_ths) == (900, 104.0)
    assert (live.boards_total, live.fans_failed, live.firmware) == (3, 0, "fw 1")
    assert live.detail["boards"][1] == {
        "i": 1, "ths": 0.0, "tb": None, "tc": None, "chips": 70, "chips_expected": 76,
    }  # fmt: skip
    assert live.detail["fans"] == [5880, None, 6000]
    assert live.detail["pools"][1]["acc"] == 9
    assert live.detail["errors"] == ["2010"]
    assert (live.attempted_at, live.misses, live.miss_cause, live.next_due_at) == (at, 0, None, None)
    assert (live.address_key, live.address_mac) == (f"{miner.address}:{miner.port}", miner.mac)
    assert (live.address_seen_at, live.address_uptime_s, live.address_checked_at) == (at, 5_000, at)


def test_unknown_stays_null(polled_site: Site, miners: list[Miner]) -> None:
    _write(polled_site, answered(miners[0], miners[0].mac, reading=Reading()))
    sample = Sample.objects.values().get()
    known = {"slot_at", "sampled_at", "host_id", "site_id", "organization_id", "miner_id"}
    known |= {"rtt_ms", "repairs", "mode", "power_source"}
    assert {name for name, value in sample.items() if value is not None} == known
    live = Live.objects.get()
    assert (live.boards_total, live.fans_failed, live.hashrate_nominal_ths) == (None, None, None)


def test_the_same_batch_twice_stores_nothing_new(polled_site: Site, miners: list[Miner]) -> None:
    outcomes = [answered(miner, miner.mac) for miner in miners]
    assert _write(polled_site, *outcomes) == 4
    assert _write(polled_site, *outcomes) == 0
    assert Sample.objects.count() == 4


def test_of_a_half_known_batch_the_new_half_is_stored(polled_site: Site, miners: list[Miner]) -> None:
    _write(polled_site, *[answered(miner, miner.mac) for miner in miners[:2]])
    other = replace(READING, power_w=1.0)
    assert _write(polled_site, *[answered(miner, miner.mac, reading=other) for miner in miners]) == 2
    powers = dict(Sample.objects.values_list("miner_id", "power_w"))
    assert [powers[miner.pk] for miner in miners] == [3250, 3250, 1, 1]


def test_a_miss_keeps_the_last_reading(polled_site: Site, miners: list[Miner]) -> None:
    miner = miners[0]
    _write(polled_site, answered(miner, miner.mac))
    at = SLOT + MINUTE
    memory = {"misses": 1, "address_key": f"{miner.address}:{miner.port}", "address_mac": miner.mac}
    gone = missed(miner, MissCause.REFUSED, at=at, **memory)
    assert _write(polled_site, gone, slot_at=SLOT + MINUTE) == 0
    live = Live.objects.get()
    assert (live.attempted_at, live.misses, live.miss_cause) == (at, 2, choices.MissCause.REFUSED)
    assert (live.sampled_at, live.mode, live.hashrate_ths) == (SLOT, choices.Mode.MINING, 100.25)
    assert live.address_mac == miner.mac
    assert live.next_due_at is not None
    assert at < live.next_due_at <= at + MINUTE
    assert Sample.objects.count() == 1


def test_a_first_miss_makes_a_row_without_figures(polled_site: Site, miners: list[Miner]) -> None:
    _write(polled_site, missed(miners[0]))
    live = Live.objects.get()
    assert (live.sampled_at, live.hashrate_ths, live.mode) == (None, None, choices.Mode.UNKNOWN)
    assert (live.firmware, live.detail, live.control_held) == ("", {}, False)


HUGE = 10**25


def test_no_reading_can_break_a_batch(polled_site: Site, miners: list[Miner]) -> None:
    evil = "\\u0000\\ <script>\0 \udc80 "
    mad = Reading(
        hashrate_long_ths=1e300,
        hashrate_short_ths=float("nan"),
        hashrate_nominal_ths=float("inf"),
        hashrate_long_window_s=HUGE,
        power_w=float("inf"),
        boards=(Board(0, float("nan"), chips=HUGE, chips_expected=-HUGE),),
        fans_rpm=(HUGE, -HUGE),
        temp_inlet_c=-1e39,
        pools=(Pool(HUGE % 1000, evil, evil + "\\u0000", None, True, HUGE, HUGE),),
        accepted=HUGE,
        rejected=-HUGE,
        error_codes=(evil,),
        mode=Mode.UNKNOWN,
        firmware=evil * 60,
        uptime_s=HUGE,
    )
    rows = [answered(miners[0], miners[0].mac, reading=mad), answered(miners[1], miners[1].mac)]
    assert _write(polled_site, *rows) == 2
    sample = Sample.objects.get(miner_id=miners[0].pk)
    assert (sample.hashrate_ths, sample.power_w, sample.accepted, sample.uptime_s) == (None, None, None, None)
    assert (sample.fan_min_rpm, sample.temp_inlet_c) == (None, None)
    live = Live.objects.get(pk=miners[0].pk)
    assert live.detail["pools"][0]["user"] == "\\u0000\\ <script> ? \\u0000"
    assert live.address_uptime_s is None


def test_a_sample_outside_of_the_kept_days_is_refused(polled_site: Site, miners: list[Miner]) -> None:
    long_ago = clock.now() - timedelta(days=400)
    with pytest.raises(CheckViolation, match="no partition"):
        _write(polled_site, answered(miners[0], miners[0].mac), slot_at=long_ago)
    assert not Live.objects.exists()
