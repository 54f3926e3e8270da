"""Readings as table rows: whatever a reading holds, its columns can."""

from __future__ import annotations

import math
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashinsight.integrations.miners import readings
from hashinsight.integrations.miners.readings import Board, Pool, Reading
from hosting.telemetry.domain import codes, rows
from hosting.telemetry.domain.rows import LIVE_EXTRA_COLUMNS, SAMPLE_COLUMNS, Key, live_extra, sample_row
from tests.unit.hosting.telemetry.devices import NOW

KEY = Key(host_id=2, site_id=3, organization_id=4, miner_id=5, slot_at=NOW, sampled_at=NOW)
LIMITS = {"int2": 2**15, "int4": 2**31, "int8": 2**63}

whole = st.none() | st.integers(-(10**30), 10**30)
real = st.none() | st.floats(allow_nan=True, allow_infinity=True)
words = st.text(st.characters(codec=None), max_size=200)
boards = st.builds(Board, st.integers(0, 1000), real, real, real, whole, whole, st.none() | words)
pools = st.builds(
    Pool, st.integers(0, 10**9), words, words, st.none() | st.booleans(), st.booleans(), whole, whole, whole
)
any_reading = st.builds(
    Reading,
    hashrate_short_ths=real,
    hashrate_long_ths=real,
    hashrate_long_window_s=whole,
    hashrate_nominal_ths=real,
    power_w=real,
    power_source=st.sampled_from(readings.PowerSource),
    boards=st.lists(boards, max_size=4).map(tuple),
    fans_rpm=st.lists(whole, max_size=4).map(tuple),
    temp_inlet_c=real,
    temp_board_max_c=real,
    temp_chip_max_c=real,
    pools=st.lists(pools, max_size=3).map(tuple),
    accepted=whole,
    rejected=whole,
    stale=whole,
    hw_errors=whole,
    error_codes=st.lists(words, max_size=3).map(tuple),
    mode=st.sampled_from(readings.Mode),
    firmware=st.none() | words,
    uptime_s=whole,
    repairs=st.integers(0, 8191),
)


def _fits(kind: str, value: Any) -> bool:
    if kind in LIMITS:
        return isinstance(value, int) and -LIMITS[kind] <= value < LIMITS[kind]
    if kind == "float4":
        return isinstance(value, int | float) and not math.isnan(value) and len(struct.pack(">f", value)) == 4
    if kind == "text":
        return isinstance(value, str) and "\0" not in value and bool(value.encode() or True)
    return value is NOW


def _named(columns: tuple[tuple[str, str], ...], values: tuple[Any, ...]) -> dict[str, Any]:
    assert len(columns) == len(values)
    return {name: value for (name, _), value in zip(columns, values, strict=True)}


@given(any_reading, st.floats(allow_nan=True))
def test_nothing_overflows_its_column(reading: Reading, rtt_ms: float) -> None:
    sample, extra = sample_row(KEY, reading, rtt_ms), live_extra(reading)
    for columns, values in ((SAMPLE_COLUMNS, sample), (LIVE_EXTRA_COLUMNS, extra)):
        for (name, kind), value in zip(columns, values, strict=True):
            assert value is None or _fits(kind, value), name
    named = _named(LIVE_EXTRA_COLUMNS, extra)
    assert len(named["firmware"]) <= 120
    assert b"\\u0000" not in orjson.dumps(orjson.loads(named["detail"])).replace(b"\\\\", b"")


def test_unknown_stays_null() -> None:
    named = _named(SAMPLE_COLUMNS, sample_row(KEY, Reading(), 1.5))
    assert {name: value for name, value in named.items() if value is not None} == {
        "slot_at": NOW,
        "sampled_at": NOW,
        "host_id": 2,
        "site_id": 3,
        "organization_id": 4,
        "miner_id": 5,
        "rtt_ms": 1.5,
        "repairs": 0,
        "mode": codes.Mode.UNKNOWN,
        "power_source": codes.PowerSource.NONE,
    }
    extra = _named(LIVE_EXTRA_COLUMNS, live_extra(Reading()))
    assert (extra["boards_total"], extra["fans_failed"], extra["firmware"]) == (None, None, "")
    assert orjson.loads(extra["detail"]) == {"boards": [], "fans": [], "pools": [], "errors": []}


def test_zero_is_not_unknown() -> None:
    reading = Reading(hashrate_long_ths=0.0, power_w=0.0, accepted=0, uptime_s=0, fans_rpm=(0, None))
    named = _named(SAMPLE_COLUMNS, sample_row(KEY, reading, 0.0))
    for name in ("hashrate_ths", "power_w", "accepted", "uptime_s", "fan_min_rpm", "fan_max_rpm", "rtt_ms"):
        assert named[name] == 0, name
    assert _named(LIVE_EXTRA_COLUMNS, live_extra(reading))["fans_failed"] == 1


@pytest.mark.parametrize(
    ("rates", "hashing"),
    [((), None), ((None, None), None), ((None, 0.0), 0), ((30.0, 0.0, None), 1), ((30.0, 31.0, 29.0), 3)],
)
def test_boards_hashing(rates: tuple[float | None, ...], hashing: int | None) -> None:
    reading = Reading(boards=tuple(Board(i, rate) for i, rate in enumerate(rates)))
    assert _named(SAMPLE_COLUMNS, sample_row(KEY, reading, 1.0))["boards_hashing"] == hashing
    assert _named(LIVE_EXTRA_COLUMNS, live_extra(reading))["boards_total"] == (len(rates) or None)


def test_text_of_a_miner_stays_what_it_is() -> None:
    """Letters that look like an escaped NUL are letters; a real NUL goes."""
    user = '\\u0000\\ "<script>'
    reading = Reading(pools=(Pool(0, "a\0b", user, None, True),), firmware="1\x002")
    extra = _named(LIVE_EXTRA_COLUMNS, live_extra(reading))
    pool = orjson.loads(extra["detail"])["pools"][0]
    assert (pool["url"], pool["user"], extra["firmware"]) == ("ab", user, "12")


def test_numbers_of_states_cover_every_word() -> None:
    assert set(rows.MODES) == set(readings.Mode)
    assert set(rows.POWER_SOURCES) == set(readings.PowerSource)
    assert set(rows.MISS_CAUSES) == set(readings.MissCause)
    assert len(set(rows.MISS_CAUSES.values())) == len(readings.MissCause)
