"""Energy from power samples."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.telemetry.domain.energy import Energy, integrate
from tests.unit.hosting.telemetry.devices import NOW

MAX_GAP_S = 120.0
Samples = list[tuple[datetime, float | None]]


@st.composite
def series(draw: st.DrawFn) -> Samples:
    """Samples in rising order, some without a power, some far apart."""
    at, out = NOW, []
    for _ in range(draw(st.integers(0, 20))):
        at += timedelta(seconds=draw(st.integers(1, 300)))
        out.append((at, draw(st.none() | st.floats(0, 10_000))))
    return out


@given(series(), st.data())
def test_it_adds_up_over_any_split(samples: Samples, data: st.DataObject) -> None:
    whole = integrate(samples, max_gap_s=MAX_GAP_S)
    cut = data.draw(st.integers(0, max(0, len(samples) - 1)))
    one = integrate(samples[: cut + 1], max_gap_s=MAX_GAP_S)
    two = integrate(samples[cut:], max_gap_s=MAX_GAP_S)
    assert one.energy_wh + two.energy_wh == pytest.approx(whole.energy_wh)
    assert one.covered_s + two.covered_s == pytest.approx(whole.covered_s)
    assert one.gap_s + two.gap_s == pytest.approx(whole.gap_s)


@given(series())
def test_covered_and_gaps_make_the_whole_span(samples: Samples) -> None:
    energy = integrate(samples, max_gap_s=MAX_GAP_S)
    span_s = (samples[-1][0] - samples[0][0]).total_seconds() if samples else 0.0
    assert energy.covered_s + energy.gap_s == pytest.approx(span_s)
    highest = max((power for _, power in samples if power is not None), default=0.0)
    assert 0 <= energy.energy_wh <= highest * energy.covered_s / 3600 + 1e-6


@given(st.lists(st.integers(1, 120), min_size=1, max_size=30), st.floats(0, 9_000), st.floats(-1, 1))
def test_linear_power_is_exact_whatever_the_steps(steps: list[int], start_w: float, slope: float) -> None:
    at, samples = 0, [(NOW, start_w)]
    for step in steps:
        at += step
        samples.append((NOW + timedelta(seconds=at), start_w + slope * at))
    exact_wh = (start_w * at + slope * at * at / 2) / 3600
    energy = integrate(samples, max_gap_s=MAX_GAP_S)
    assert energy.energy_wh == pytest.approx(exact_wh, rel=1e-9, abs=1e-9)
    assert (energy.covered_s, energy.gap_s) == (at, 0)


@pytest.mark.parametrize(
    ("times", "powers", "expected"),
    [
        ([0, 60, 181, 241], [3600.0] * 4, Energy(120.0, 120.0, 121.0)),  # 121 s are not bridged
        ([0, 60, 180, 240], [3600.0] * 4, Energy(240.0, 240.0, 0.0)),
        ([0, 60, 120, 180], [3600.0, None, 3600.0, 3600.0], Energy(60.0, 60.0, 120.0)),
        ([0, 60], [None, None], Energy(0.0, 0.0, 60.0)),
        ([0], [3600.0], Energy(0.0, 0.0, 0.0)),
        ([], [], Energy(0.0, 0.0, 0.0)),
    ],
)
def test_gaps(times: list[int], powers: list[float | None], expected: Energy) -> None:
    samples = [(NOW + timedelta(seconds=at), power) for at, power in zip(times, powers, strict=True)]
    assert integrate(samples, max_gap_s=MAX_GAP_S) == expected


@pytest.mark.parametrize("step", [0, -60])
def test_times_must_rise(step: int) -> None:
    with pytest.raises(ValueError, match="must rise"):
        integrate([(NOW, 1.0), (NOW + timedelta(seconds=step), 1.0)], max_gap_s=MAX_GAP_S)
