"""Slots of time, and public identifiers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashinsight.core import clock
from hashinsight.core.ids import ALPHABET, LENGTH, new_public_id

moments = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001  (the strategy adds the zone)
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(moments, st.integers(1, 86_400))
def test_a_slot_starts_at_or_before_its_moment(moment: datetime, interval_s: int) -> None:
    slot = clock.slot_of(moment, interval_s)
    assert timedelta(0) <= moment - slot < timedelta(seconds=interval_s)
    assert int(slot.timestamp()) % interval_s == 0
    assert clock.slot_of(slot, interval_s) == slot


def test_slots_and_days_are_utc_whatever_the_zone() -> None:
    moment = datetime(2026, 3, 29, 1, 30, 59, 999, tzinfo=timezone(timedelta(hours=2)))
    assert clock.slot_of(moment, 60) == datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert clock.day_of(moment) == datetime(2026, 3, 28, tzinfo=UTC)


def test_naive_times_and_odd_intervals_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        clock.slot_of(datetime(2026, 1, 1), 60)  # noqa: DTZ001
    with pytest.raises(ValueError, match="positive"):
        clock.slot_of(datetime(2026, 1, 1, tzinfo=UTC), 0)


def test_an_age_is_never_negative() -> None:
    now = clock.now()
    assert now.tzinfo is UTC
    assert clock.age_s(now - timedelta(seconds=90), at=now) == 90.0
    assert clock.age_s(now + timedelta(seconds=90), at=now) == 0.0


def test_public_ids_are_short_plain_and_evenly_spread() -> None:
    made = [new_public_id() for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert all(len(one) == LENGTH and set(one) <= set(ALPHABET) for one in made)
    counts = Counter("".join(made))
    assert len(counts) == len(ALPHABET) == 32
    assert min(counts.values()) > 0.9 * len(made) * LENGTH / 32
