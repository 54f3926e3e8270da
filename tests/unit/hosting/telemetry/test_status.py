"""The status of a miner: each rule by itself, at its edges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hosting.telemetry.domain.codes import Identity, Mode
from hosting.telemetry.domain.status import Reason, Seen, Status, judge

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INTERVAL_S = 60
WELL = Seen(
    desired="mining",
    nominal_ths=100.0,
    attempted_at=NOW - timedelta(seconds=20),
    sampled_at=NOW - timedelta(seconds=20),
    mode=Mode.MINING,
    identity=Identity.CONFIRMED,
    hashrate_ths=99.0,
    temp_chip_max_c=70.0,
    uptime_s=86_400,
    boards_hashing=3,
    boards_total=3,
    fans_failed=0,
)


def status_of(**changes: object) -> tuple[Status, Reason]:
    """The verdict on a healthy miner with ``changes``."""
    return judge(replace(WELL, **changes), NOW, INTERVAL_S)  # type: ignore[arg-type]


def test_healthy_miner_is_online() -> None:
    assert status_of() == (Status.ONLINE, Reason(0))


def test_never_tried_is_unknown() -> None:
    assert status_of(attempted_at=None, sampled_at=None)[0] == Status.UNKNOWN


def test_silent_collector_makes_unknown_after_three_intervals_and_15_s() -> None:
    limit = timedelta(seconds=3 * INTERVAL_S + 15)
    assert status_of(attempted_at=NOW - limit, sampled_at=NOW - limit)[0] == Status.ONLINE
    late = NOW - limit - timedelta(seconds=1)
    assert status_of(attempted_at=late, sampled_at=late)[0] == Status.UNKNOWN


def test_deferred_miner_is_not_unknown() -> None:
    earlier = NOW - timedelta(minutes=10)
    seen = {"attempted_at": earlier, "sampled_at": earlier, "misses": 4}
    assert status_of(**seen, next_due_at=NOW + timedelta(minutes=1))[0] == Status.OFFLINE
    # Its turn has just come: the collector is not silent yet.
    assert status_of(**seen, next_due_at=NOW - timedelta(seconds=30))[0] == Status.OFFLINE
    assert status_of(**seen, next_due_at=NOW - timedelta(minutes=4))[0] == Status.UNKNOWN


@pytest.mark.parametrize(
    ("misses", "seen_s_ago", "expected"),
    [
        (0, 20, Status.ONLINE),
        (1, 150, Status.ONLINE),
        (1, 151, Status.OFFLINE),
        (2, 20, Status.OFFLINE),
    ],
)
def test_misses(misses: int, seen_s_ago: int, expected: Status) -> None:
    assert status_of(misses=misses, sampled_at=NOW - timedelta(seconds=seen_s_ago))[0] == expected


def test_tried_but_never_seen_is_offline() -> None:
    assert status_of(sampled_at=None)[0] == Status.OFFLINE


@pytest.mark.parametrize("desired", ["sleeping", "maintenance"])
def test_asleep_as_planned(desired: str) -> None:
    assert status_of(desired=desired, mode=Mode.SLEEPING, boards_hashing=0) == (Status.ASLEEP, Reason(0))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": Mode.SLEEPING, "boards_hashing": 0}, Reason.ASLEEP_UNPLANNED),
        ({"desired": "sleeping"}, Reason.AWAKE_UNPLANNED),
        ({"mode": Mode.ERROR}, Reason.ERROR),
        ({"mode": Mode.UNKNOWN}, Reason.MODE_UNKNOWN),
        ({"mode": Mode.UNKNOWN, "hashrate_ths": None}, Reason.MODE_UNKNOWN),
        ({"mode": Mode.UNKNOWN, "hashrate_ths": 0.0}, Reason.NOT_HASHING),
        ({"identity": Identity.CONFLICT}, Reason.CONFLICT),
        ({"identity": Identity.MOVED}, Reason.MOVED),
        ({"boards_hashing": 2}, Reason.BOARDS),
        ({"fans_failed": 1}, Reason.FANS),
        ({"hashrate_ths": 84.9}, Reason.LOW_HASHRATE),
        ({"temp_chip_max_c": 95.0}, Reason.HOT),
        ({"mode": Mode.STARTING, "uptime_s": 900}, Reason.SLOW_START),
    ],
)
def test_each_reason_alone(changes: dict[str, object], reason: Reason) -> None:
    assert status_of(**changes) == (Status.ATTENTION, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"hashrate_ths": 85.0},
        {"hashrate_ths": 10.0, "uptime_s": 899},
        {"hashrate_ths": 10.0, "uptime_s": None},
        {"hashrate_ths": None, "nominal_ths": None},
        {"temp_chip_max_c": 94.9},
        {"temp_chip_max_c": None},
        {"boards_hashing": None},
        {"boards_total": None, "boards_hashing": 1},
        {"fans_failed": None},
        {"mode": Mode.STARTING, "uptime_s": 899, "hashrate_ths": 0.0, "boards_hashing": 0},
        {"desired": "maintenance"},
    ],
)
def test_unknown_and_borderline_figures_accuse_nobody(changes: dict[str, object]) -> None:
    assert status_of(**changes) == (Status.ONLINE, Reason(0))


def test_reasons_are_ordered_by_importance() -> None:
    _status, reasons = status_of(temp_chip_max_c=99.0, boards_hashing=1, identity=Identity.MOVED)
    assert reasons == Reason.MOVED | Reason.BOARDS | Reason.HOT
    assert reasons.first == Reason.MOVED
    assert Reason(0).first == Reason(0)
