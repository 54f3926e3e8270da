"""The physics: exact windows, counters that only grow, energy that is the integral of power."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.simulator.physics import (
    DOWN,
    ERROR,
    MINING,
    NETWORK_DOWN_S,
    SLEEPING,
    START_S,
    STARTING,
    UNIT,
    WINDOWS_S,
    Nameplates,
    Physics,
)

NOON = 1_790_000_000.0


def build(count: int = 3, seed: int = 1, *, warm: bool = True) -> Physics:
    ones = np.ones(count)
    plates = Nameplates(
        ths=ones * 100.0,
        watts=ones * 3000.0,
        fans=np.full(count, 4, dtype=np.int64),
        fan_max=ones * 6000.0,
        ambient_mean=ones * 22.0,
        ambient_swing=ones * 6.0,
        utc_offset_s=ones * 0.0,
    )
    physics = Physics(plates, seed, NOON, warm=warm)
    physics.settle()
    return physics


def run(physics: Physics, seconds: int) -> None:
    for _ in range(seconds):
        physics.step(physics.now + 1)


actions = st.lists(
    st.tuples(st.sampled_from(["sleep", "wake", "board", "fan", "psu", "limit", "none"]), st.integers(1, 40)),
    min_size=1,
    max_size=8,
)


def act(physics: Physics, action: str) -> None:
    if action == "sleep":
        physics.asleep[0] = True
    elif action == "wake":
        physics.wake(0)
    elif action == "board":
        physics.board_ok[1, 0] = not physics.board_ok[1, 0]
    elif action == "fan":
        physics.fan_ok[0, 0] = not physics.fan_ok[0, 0]
    elif action == "psu":
        physics.psu_ok[0] = not physics.psu_ok[0]
    elif action == "limit":
        physics.power_target[0] = 0.6 if physics.power_target[0] == 1 else 1.0


@settings(max_examples=25, deadline=None)
@given(plan=actions, seed=st.integers(0, 2**31))
def test_counters_only_grow_and_energy_is_the_integral_of_power(
    plan: list[tuple[str, int]], seed: int
) -> None:
    physics = build(2, seed)
    energy = physics.energy_wh.copy()
    for action, seconds in plan:
        act(physics, action)
        for _ in range(seconds):
            before = [
                c.copy() for c in (physics.accepted, physics.rejected, physics.stale, physics.hw_errors)
            ]
            elapsed, total = physics.elapsed.copy(), physics.total_units.copy()
            physics.step(physics.now + 1)
            energy += physics.power_w / 3600
            after = (physics.accepted, physics.rejected, physics.stale, physics.hw_errors)
            assert all((now >= then).all() for now, then in zip(after, before, strict=True))
            assert (physics.elapsed == elapsed + 1).all()
            assert (physics.total_units >= total).all()
            assert (physics.power_w >= 0).all()
    assert physics.energy_wh == pytest.approx(energy, rel=1e-12)


@settings(max_examples=10, deadline=None)
@given(plan=actions, seed=st.integers(0, 2**31))
def test_windows_equal_the_mean_of_the_seconds(plan: list[tuple[str, int]], seed: int) -> None:
    physics = build(2, seed)
    for action, seconds in plan:
        act(physics, action)
        run(physics, seconds)
    for index in range(2):
        for number, window in enumerate(WINDOWS_S):
            seconds_ths = physics.recent(index, window) * (100.0 / UNIT)
            assert physics.window_ths(number)[index] == pytest.approx(
                seconds_ths.mean(), rel=1e-12, abs=1e-12
            )


def test_windows_are_exact_after_the_ring_has_turned() -> None:
    physics = build(2)
    total = physics.total_units.copy()
    history = []
    for second in range(2000):
        physics.asleep[0] = 700 < second < 900
        physics.step(physics.now + 1)
        history.append(physics.instant_ths().copy())
    for number, window in enumerate(WINDOWS_S):
        assert physics.window_ths(number) == pytest.approx(np.mean(history[-window:], axis=0), rel=1e-12)
    done = (physics.total_units - total) * (100.0 / UNIT)
    assert done == pytest.approx(np.sum(history, axis=0), rel=1e-12)


def test_a_warm_fleet_is_plausible_at_once() -> None:
    physics = build(500)
    run(physics, 1)
    assert (physics.mode() == MINING).all()
    for number in range(len(WINDOWS_S)):
        assert physics.window_ths(number) == pytest.approx(np.full(500, 100.0), rel=0.08)
    assert physics.average_ths() == pytest.approx(np.full(500, 100.0), rel=0.08)
    assert (physics.elapsed > 3600).all()
    assert physics.power_w == pytest.approx(np.full(500, 3000.0), rel=0.08)
    assert (physics.accepted > 50).all()
    assert ((physics.chip_c > 45) & (physics.chip_c < 85)).all()
    rpm = physics.fan_rpm()
    assert ((rpm > 1000) & (rpm <= 6000)).all()


def test_a_cold_machine_starts_then_ramps_in_minutes() -> None:
    physics = build(50, warm=False)
    run(physics, START_S - 1)
    assert (physics.mode() == STARTING).all()
    assert (physics.instant_ths() == 0).all()
    run(physics, 20)
    assert (physics.instant_ths() < 60).all()
    run(physics, 400)
    assert (physics.mode() == MINING).all()
    assert physics.window_ths(0) == pytest.approx(np.full(50, 100.0), rel=0.1)


def test_sleep_takes_seconds_and_power_falls_below_15_percent() -> None:
    physics = build(20)
    physics.asleep[:] = True
    run(physics, 20)
    assert (physics.mode() == SLEEPING).all()
    assert (physics.instant_ths() < 0.1).all()
    run(physics, 40)
    assert (physics.power_w < 0.05 * 3000).all()


def test_waking_takes_one_to_five_minutes() -> None:
    physics = build(50)
    physics.asleep[:] = True
    run(physics, 60)
    for index in range(50):
        physics.wake(index)
    run(physics, 45)
    assert (physics.instant_ths() < 30).all()
    run(physics, 255)
    assert (physics.instant_ths() > 80).all()


def test_a_reboot_is_down_then_starts_and_resets_its_counters() -> None:
    physics = build(2)
    physics.reboot(0)
    run(physics, 1)
    assert physics.mode().tolist() == [DOWN, MINING]
    assert physics.power_w[0] == 0
    run(physics, NETWORK_DOWN_S)
    assert physics.mode()[0] == STARTING
    assert physics.elapsed[0] < 5
    assert physics.accepted[0] == 0
    assert physics.accepted[1] > 0


def test_a_lost_board_takes_its_share_and_a_lost_psu_everything() -> None:
    physics = build(3)
    share = physics.board_share()[1, 0]
    before = physics.ramp.copy()
    physics.board_ok[1, 0] = False
    physics.psu_ok[1] = False
    run(physics, 60)
    assert physics.ramp[0] == pytest.approx(before[0] * (1 - share), rel=0.01)
    assert physics.board_share()[:, 0].sum() == pytest.approx(1)
    assert physics.board_share()[1, 0] == 0
    assert physics.mode().tolist() == [MINING, ERROR, MINING]
    assert physics.power_w[1] < 150


def test_a_lost_fan_shows_0_rpm_and_heats_the_chips() -> None:
    physics = build(2)
    physics.chip_c[:] = physics.chip_c.mean()
    physics.fan_ok[:3, 0] = False
    run(physics, 600)
    assert physics.fan_rpm()[:, 0].tolist()[:3] == [0, 0, 0]
    assert physics.chip_c[0] > physics.chip_c[1] + 3


def test_temperature_lags_behind_power() -> None:
    physics = build(1)
    hot = physics.chip_c[0]
    physics.asleep[:] = True
    run(physics, 15)
    assert physics.ramp[0] < 0.01
    assert physics.chip_c[0] > hot - 20
    run(physics, 600)
    assert physics.chip_c[0] == pytest.approx(physics.inlet_c()[0], abs=1)


def test_air_follows_the_local_day() -> None:
    physics = build(1)
    by_hour = []
    for hour in range(24):
        physics.now = hour * 3600.0
        by_hour.append(physics.inlet_c()[0])
    assert int(np.argmax(by_hour)) == 16
    assert max(by_hour) - min(by_hour) == pytest.approx(12, abs=0.3)


def test_a_power_limit_saves_more_watts_than_hashrate() -> None:
    physics = build(1)
    ths, watts = physics.window_ths(1)[0], physics.power_w[0]
    physics.power_target[:] = 0.6
    run(physics, 300)
    assert physics.window_ths(1)[0] / ths > physics.power_w[0] / watts + 0.02
