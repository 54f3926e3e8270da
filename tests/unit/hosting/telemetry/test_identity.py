"""Who answers: what the uptime vouches for and when it must be asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.telemetry.domain import identity
from hosting.telemetry.domain.device import DeviceRow
from tests.unit.hosting.telemetry.devices import NOW, OTHER, OWN, device, known

MINUTE = timedelta(minutes=1)


@given(st.floats(0, 86_400), st.floats(-0.0015, 0.0015))
def test_a_machine_that_runs_on_is_the_same_though_its_clock_drifts(passed_s: float, drift: float) -> None:
    at = NOW + timedelta(seconds=passed_s)
    assert identity.uptime_continues(known(), round(1_000 + passed_s * (1 + drift)), at)


@given(st.floats(10, 86_400), st.data())
def test_a_reboot_breaks_it(passed_s: float, data: st.DataObject) -> None:
    at = NOW + timedelta(seconds=passed_s)
    uptime_s = data.draw(st.integers(0, int(passed_s)))  # it started after it was seen last
    assert not identity.uptime_continues(known(), uptime_s, at)


def test_a_swapped_machine_with_another_uptime_breaks_it() -> None:
    for uptime_s in (500, 1_054, 1_067, 90_000):
        assert not identity.uptime_continues(known(), uptime_s, NOW + MINUTE)
    for uptime_s in (1_056, 1_060, 1_064):
        assert identity.uptime_continues(known(), uptime_s, NOW + MINUTE)


@pytest.mark.parametrize(
    ("row", "uptime_s"),
    [(known(), None), (known(address_uptime_s=None), 1_060), (known(address_seen_at=None), 1_060)],
)
def test_what_is_unknown_vouches_for_nothing(row: DeviceRow, uptime_s: int | None) -> None:
    assert not identity.uptime_continues(row, uptime_s, NOW + MINUTE)


@pytest.mark.parametrize(
    ("row", "told", "uptime_s", "expected"),
    [
        (known(), OTHER, 1_060, OTHER),  # what it tells itself outranks what is remembered
        (known(), None, 1_060, OWN),
        (known(address_mac=OTHER), None, 1_060, OTHER),
        (known(), None, 60, None),
        (known(address_mac=""), None, 1_060, None),
        (known(address_key="10.0.0.2:4028"), None, 1_060, None),
        (device(), None, 1_060, None),
    ],
)
def test_vouched_mac(row: DeviceRow, told: str | None, uptime_s: int, expected: str | None) -> None:
    assert identity.vouched_mac(row, told, uptime_s, NOW + MINUTE) == expected


@pytest.mark.parametrize(
    ("row", "uptime_s", "expected"),
    [
        (known(), 60, True),  # a reboot, or another machine
        (known(), None, True),
        (known(address_mac=""), 60, True),  # also where the MAC was never known
        (known(address_mac=""), 1_060, False),
        (known(address_mac=""), None, False),  # a machine that tells neither is not asked in each sweep
        (known(address_key="10.0.0.2:4028"), 60, False),
        (device(), 60, False),
        (device(is_found=True), 60, True),  # only its MAC proves that the lost one is here
        (known(is_found=True, address_mac=""), 1_060, True),
        (known(is_found=True), 60, True),
    ],
)
def test_must_check(row: DeviceRow, uptime_s: int | None, expected: bool) -> None:
    assert identity.must_check(row, uptime_s, NOW + MINUTE) is expected


@pytest.mark.parametrize(
    ("row", "after", "expected"),
    [
        (known(), timedelta(hours=23), False),
        (known(), timedelta(hours=24), True),
        (known(address_mac=""), MINUTE, True),
        (known(address_checked_at=None), MINUTE, True),
        (known(address_key=""), MINUTE, True),
    ],
)
def test_check_is_due(row: DeviceRow, after: timedelta, expected: bool) -> None:
    assert identity.check_is_due(row, NOW + after) is expected
