"""Every row of the unit table, and the tolerant readers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashinsight.integrations.miners import units
from hashinsight.integrations.miners.readings import Repair

# 100 TH/s in the unit of each row, written out so that a slip in the table shows.
ROWS = {
    ("antminer", "GHS *"): 100_000.0,
    ("antminer", "MHS *"): 100_000_000.0,
    ("antminer", "chain_rate"): 100_000.0,
    ("antminer", "rate_5s"): 100_000.0,
    ("antminer", "rate_30m"): 100_000.0,
    ("antminer", "rate_avg"): 100_000.0,
    ("antminer", "rate_real"): 100_000.0,
    ("antminer", "rate_ideal"): 100_000.0,
    ("antminer", "total_rateideal"): 100_000.0,
    ("whatsminer_v2", "HS RT"): 100_000_000.0,
    ("whatsminer_v2", "MHS *"): 100_000_000.0,
    ("whatsminer_v2", "Target MHS"): 100_000_000.0,
    ("whatsminer_v2", "Factory GHS"): 100_000.0,
    ("avalon", "MHS *"): 100_000_000.0,
    ("avalon", "GHSmm"): 100_000.0,
    ("avalon", "GHSspd"): 100_000.0,
    ("avalon", "GHSavg"): 100_000.0,
    ("avalon", "MGHS"): 100_000.0,
    ("cgminer", "MHS *"): 100_000_000.0,
    ("cgminer", "GHS *"): 100_000.0,
}


def test_every_row_is_tested() -> None:
    assert set(ROWS) == set(units.FIELD_UNITS)


@pytest.mark.parametrize("row", ROWS)
def test_row(row: tuple[str, str]) -> None:
    assert units.field_ths(*row, ROWS[row]) == 100.0
    assert units.field_ths(*row, f"{ROWS[row]:.2f}") == 100.0
    assert units.field_ths(*row, "") is None
    assert units.field_ths(*row, -1) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        (" ", None),
        ("nan", None),
        ("-inf", None),
        (math.nan, None),
        (math.inf, None),
        (True, None),
        (None, None),
        ([], None),
        ("58.94W", 58.94),
        ("2.732%", 2.732),
        ("72 %", 72.0),
        ("3.5kW", 3500.0),
        ("14046.04", 14046.04),
        (" 656 ", 656.0),
        ("-1", -1.0),
        ("524K", None),
        ("0:00:03", None),
        ("1e5", 1e5),
        ("1e999", None),
        ("1_000", None),
        ("٣", None),
        (10**30, None),
        ("9" * 40, None),
        (10**400, None),
        (5, 5.0),
    ],
)
def test_number(value: object, expected: float | None) -> None:
    assert units.number(value) == expected


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.integers())))
def test_readers_never_raise_and_never_give_nonsense(value: object) -> None:
    for reader in (units.number, units.temperature, units.watts):
        found = reader(value)
        assert found is None or math.isfinite(found)
    for counter in (units.integer, units.rpm, units.seconds):
        whole = counter(value)
        assert whole is None or whole >= 0
    units.mac(value)
    units.unit_named(value)
    cleaned = units.text(value)
    assert cleaned is None or (len(cleaned) <= 255 and "\0" not in cleaned)


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (units.temperature, 0, None),
        (units.temperature, "0", None),
        (units.temperature, 71.5, 71.5),
        (units.temperature, -273, None),
        (units.temperature, -5, -5.0),
        (units.temperature, 999, None),
        (units.watts, -1, None),
        (units.watts, 0, 0.0),
        (units.watts, 3417, 3417.0),
        (units.watts, 10**7, None),
        (units.rpm, 0, 0),
        (units.rpm, "5344", 5344),
        (units.rpm, 10**6, None),
        (units.seconds, 50474, 50474),
        (units.seconds, -3, None),
        (units.integer, -1, None),
        (units.integer, 4057.0, 4057),
    ],
)
def test_physical_readers(reader: object, value: object, expected: object) -> None:
    assert callable(reader)
    assert reader(value) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MHS 5s", 5),
        ("MHS 1s", 1),
        ("GHS 30m", 1800),
        ("MHS 15m", 900),
        ("GHS 1h", 3600),
        ("MHS av", None),
        ("MHS s", None),
        ("Factory GHS", None),
        ("MHS 5s ", None),
    ],
)
def test_window_seconds(name: str, expected: int | None) -> None:
    assert units.window_seconds(name) == expected


def test_windows_are_sorted_and_in_ths() -> None:
    body = {"MHS 15m": 3e6, "MHS av": 9e6, "MHS 5s": "1000000", "MHS 1m": "", "GHS 5m": 2e3, "MHSx": 1}
    assert units.windows("cgminer", body) == {5: 1.0, 300: 2.0, 900: 3.0}
    assert list(units.windows("cgminer", body)) == [5, 300, 900]
    assert units.windows("whatsminer_v2", {"GHS 5s": 5}) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("C4:08:28:00:A4:19", "c4:08:28:00:a4:19"),
        ("b4a2ebaabbcc", "b4:a2:eb:aa:bb:cc"),
        ("B4-A2-EB-AA-BB-CC", "b4:a2:eb:aa:bb:cc"),
        ("02:55:97:22:3M:72", None),
        ("00:00:00:00:00:00", None),
        ("ff:ff:ff:ff:ff:ff", None),
        ("", None),
        (12, None),
    ],
)
def test_mac(value: object, expected: str | None) -> None:
    assert units.mac(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("GH", units.Unit.GH),
        ("GH/s", units.Unit.GH),
        ("MH/S", units.Unit.MH),
        ("TH/s", units.Unit.TH),
        ("", None),
        ("parsec", None),
        (5, None),
    ],
)
def test_unit_named(value: object, expected: units.Unit | None) -> None:
    assert units.unit_named(value) is expected


def test_text_is_bounded_and_free_of_control_characters() -> None:
    assert units.text("a\0b\x1b[2Jc") == "a b [2Jc"
    assert units.text("x" * 1000) == "x" * 255
    assert units.text("<b>café ✓</b>") == "<b>café ✓</b>"
    assert units.text("  ") is None
    assert units.text(5) is None


def test_temperatures() -> None:
    assert units.temperatures("73-45-0-65") == (73, 45, None, 65)
    assert units.temperatures("73-nan-x-999") == (73, None, None, None)
    assert units.temperatures([30.5, 0, "x"]) == (30.5, None, None)
    assert units.temperatures(0) == units.temperatures("") == (None,)


def test_guard_drops_and_flags() -> None:
    guard = units.Guard(100.0)
    assert guard(0.0) == 0.0
    assert guard(300.0) == 300.0
    assert guard(None) is None
    assert guard.repairs == 0
    assert guard(300.1) is None
    assert guard.repairs == Repair.IMPLAUSIBLE
    without_nominal = units.Guard(None, repairs=1)
    assert without_nominal(1_200.0) == 1_200.0
    assert without_nominal(290_000.0) is None
    assert without_nominal.repairs == 1 | Repair.IMPLAUSIBLE
