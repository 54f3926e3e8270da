"""Lanes and the waiting of those who do not answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.telemetry.domain.device import MAX_BACKOFF_S, SUSPECT_AFTER_MISSES, next_due, split
from tests.unit.hosting.telemetry.devices import NOW, device, known

ids = st.integers(1, 2**31 - 1)
misses = st.integers(SUSPECT_AFTER_MISSES, 10**6)
intervals = st.sampled_from([5, 15, 60, 120, 300])


def _wait_s(row_id: int, count: int, interval_s: int) -> float:
    due = next_due(row_id, count, NOW, interval_s)
    assert due is not None
    return (due - NOW).total_seconds()


@given(ids, misses, misses, intervals)
def test_more_misses_never_wait_less(row_id: int, one: int, two: int, interval_s: int) -> None:
    fewer, more = sorted((one, two))
    assert _wait_s(row_id, fewer, interval_s) <= _wait_s(row_id, more, interval_s)


@given(ids, misses, intervals)
def test_the_wait_lies_within_its_bounds(row_id: int, count: int, interval_s: int) -> None:
    whole = min(interval_s * 2 ** min(count - SUSPECT_AFTER_MISSES, 30), MAX_BACKOFF_S)
    assert whole * 0.8 - 1e-6 <= _wait_s(row_id, count, interval_s) <= whole + 1e-6


@given(ids, st.integers(0, SUSPECT_AFTER_MISSES - 1), intervals)
def test_the_living_are_due_at_the_next_sweep(row_id: int, count: int, interval_s: int) -> None:
    assert next_due(row_id, count, NOW, interval_s) is None


def test_neighbours_do_not_come_due_together() -> None:
    waits = {round(_wait_s(row_id, 20, 60)) for row_id in range(1, 97)}
    assert len(waits) > 30


def test_lanes() -> None:
    past, future = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
    rows = {
        "fresh": device(miner_id=1),
        "once": known(miner_id=2, misses=1, next_due_at=future),
        "due": known(miner_id=3, misses=2, next_due_at=past),
        "exactly": known(miner_id=4, misses=2, next_due_at=NOW),
        "unset": known(miner_id=5, misses=9),
        "waiting": known(miner_id=6, misses=9, next_due_at=future),
        "moved": known(miner_id=7, misses=9, next_due_at=future, address="10.0.0.9"),
    }
    lanes = split(list(rows.values()), NOW)
    found = [{row.miner_id for row in lane} for lane in (lanes.living, lanes.suspects, lanes.deferred)]
    assert found == [{1, 2}, {3, 4, 5, 7}, {6}]


@given(st.lists(st.integers(1, 10**6), unique=True, max_size=60), st.randoms())
def test_the_living_are_spread_and_their_order_is_their_own(numbers: list[int], random: object) -> None:
    rows = [device(miner_id=number) for number in numbers]
    order = [row.miner_id for row in split(rows, NOW).living]
    assert sorted(order) == sorted(numbers)
    assert order == [row.miner_id for row in split(rows[::-1], NOW).living]


@pytest.mark.parametrize(
    ("key", "remembers"), [("10.0.0.1:4028", True), ("10.0.0.1:4029", False), ("", False)]
)
def test_an_edited_address_voids_the_memory(key: str, remembers: bool) -> None:
    assert device(address_key=key).remembers is remembers
