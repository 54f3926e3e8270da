"""How the machines behave: hashrate, heat, fans, power, shares. NumPy over the whole fleet, 1 s ticks.

The true hashrate of each second is a whole number of 1/20,000 of the nameplate. That makes the moving
averages exact: running sums of integers, no drift, two bytes a second and miner (3.6 kB a miner for 30 min).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hosting.simulator.models import BOARDS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WINDOWS_S = (5, 60, 300, 900, 1800)
RING_S = WINDOWS_S[-1]
UNIT = 20_000  # steps of hashrate in one nameplate
NOISE = 0.012  # of one second's hashrate

MINING, SLEEPING, STARTING, ERROR, DOWN = range(5)
MODE_NAMES = ("mining", "sleeping", "starting", "error", "down")

IDLE_W = 14.0  # control board and PSU when the boards are off
FAN_W = 22.0  # one fan at full speed
POWER_EXPONENT = 1 / 0.85  # watts fall faster than hashrate when a machine is throttled
LEAKAGE_PER_C = 0.001
SLEEP_TAU_S = 2.0
NETWORK_DOWN_S = 75
START_S = 45
THERMAL_TAU_S = 60.0
FAN_TAU_S = 10.0
CHIP_TARGET_C = 68.0
MAX_UPTIME_S = 30 * 86_400
RAW_DIFFICULTY = 524_288.0
HASHES_PER_DIFFICULTY = 2.0**32


@dataclass(frozen=True, slots=True)
class Nameplates:
    """What the physics must know of each machine: arrays of one length.

    `ths` TH/s, `watts` W, `fans` number and `fan_max` rpm, air at the site in deg C (`ambient_mean`,
    `ambient_swing` = half the daily range) and its offset from UTC in seconds.
    """

    ths: Floats
    watts: Floats
    fans: Ints
    fan_max: Floats
    ambient_mean: Floats
    ambient_swing: Floats
    utc_offset_s: Floats


class Physics:
    """The true state of the fleet. Call `step` once a second; read the arrays between calls.

    With `warm` the machines start as if running for up to 30 days, with their windows full.
    Inputs (`asleep`, `power_target`, `board_ok`, `fan_ok`, `psu_ok`) may be set between steps.
    """

    def __init__(self, plates: Nameplates, seed: int, now: float, *, warm: bool = True) -> None:
        n = len(plates.ths)
        self.plates = plates
        self.size = n
        self.now = now
        self._rng = np.random.default_rng(seed)
        rng = self._rng
        self.scale: Floats = rng.normal(1.0, 0.012, n).clip(0.95, 1.05)
        self.power_scale: Floats = rng.normal(1.0, 0.01, n).clip(0.96, 1.05)
        self.board_scale: Floats = rng.normal(1.0, 0.015, (BOARDS, n)).clip(0.94, 1.06)
        self.board_scale /= self.board_scale.sum(axis=0)
        self.board_offset_c: Floats = rng.normal(0.0, 1.5, (BOARDS, n)).clip(-4, 4)
        self.inlet_offset_c: Floats = rng.normal(1.0, 1.2, n)
        self.wake_tau_s: Floats = rng.uniform(25, 80, n)

        self.asleep = np.zeros(n, dtype=bool)
        self.power_target: Floats = np.ones(n)
        self.board_ok = np.ones((BOARDS, n), dtype=bool)
        self.fan_ok = np.ones((4, n), dtype=bool)
        self.psu_ok = np.ones(n, dtype=bool)

        self.down_left: Ints = np.zeros(n, dtype=np.int64)
        self.start_left: Ints = np.zeros(n, dtype=np.int64)
        self.ramp: Floats = np.zeros(n)
        self.elapsed: Ints = np.zeros(n, dtype=np.int64)
        self.chip_c: Floats = np.full(n, 25.0)
        self.fan_pct: Floats = np.full(n, 0.3)
        self.power_w: Floats = np.full(n, IDLE_W)
        self.energy_wh: Floats = np.zeros(n)
        self.accepted: Ints = np.zeros(n, dtype=np.int64)
        self.rejected: Ints = np.zeros(n, dtype=np.int64)
        self.stale: Ints = np.zeros(n, dtype=np.int64)
        self.hw_errors: Ints = np.zeros(n, dtype=np.int64)
        self.hw_rate: Floats = rng.uniform(0.002, 0.02, n)

        self._ring: npt.NDArray[np.uint16] = np.zeros((RING_S, n), dtype=np.uint16)
        self._cursor = 0
        self._sums: Ints = np.zeros((len(WINDOWS_S), n), dtype=np.int64)
        self.total_units: Ints = np.zeros(n, dtype=np.int64)
        self.ticks = 0
        self._cold = not warm

    def settle(self) -> None:
        """Bring a warm fleet to its steady state; call once after the first inputs are set."""
        if self._cold:
            self.start_left[:] = START_S
            return
        self.ramp[:] = self._target()
        for _ in range(200):
            self._heat(5.0)
        self._draw_power(0.0)
        self._fill_ring()
        self._fill_history()

    def step(self, now: float, dt: float = 1.0) -> None:
        """Advance by `dt` seconds (1) to epoch `now`."""
        self.now = now
        self._count_down()
        self._ramp_towards(self._target(), dt)
        self._hash()
        self._heat(dt)
        self._draw_power(dt)
        self._count_shares(dt)
        self.ticks += 1

    # --- what one can do to a machine -------------------------------------------------------------

    def reboot(self, index: int) -> None:
        """Power-cycle: off the network for 75 s, then starting; uptime and counters begin at 0."""
        self.down_left[index] = NETWORK_DOWN_S
        self.start_left[index] = START_S
        self.ramp[index] = 0.0
        self._forget(index)

    def wake(self, index: int) -> None:
        """Out of sleep: a start phase, then the ramp."""
        self.asleep[index] = False
        self.start_left[index] = START_S

    def _forget(self, index: int) -> None:
        self.elapsed[index] = 0
        self.total_units[index] = 0
        for counter in (self.accepted, self.rejected, self.stale, self.hw_errors):
            counter[index] = 0

    # --- what one can read ------------------------------------------------------------------------

    def mode(self) -> npt.NDArray[np.int8]:
        """Mode code of each machine (see MODE_NAMES)."""
        out: npt.NDArray[np.int8] = np.full(self.size, MINING, dtype=np.int8)
        out[(self.start_left > 0) | (self.ramp < 0.02)] = STARTING
        out[~self.psu_ok | ~self.board_ok.any(axis=0)] = ERROR
        out[self.asleep] = SLEEPING
        out[self.down_left > 0] = DOWN
        return out

    def window_ths(self, window: int) -> Floats:
        """Mean true hashrate in TH/s over the last WINDOWS_S[window] seconds."""
        return np.asarray(self._sums[window] * (self.plates.ths / (UNIT * WINDOWS_S[window])))

    def average_ths(self) -> Floats:
        """Mean true hashrate in TH/s since start; 0 where the machine has just started."""
        return np.asarray(self.total_units * (self.plates.ths / UNIT) / np.maximum(self.elapsed, 1))

    def instant_ths(self) -> Floats:
        """True hashrate in TH/s of the last second."""
        row = self._ring[(self._cursor - 1) % RING_S]
        return np.asarray(row * (self.plates.ths / UNIT))

    def total_th(self) -> Floats:
        """Tera-hashes done since start."""
        return np.asarray(self.total_units * (self.plates.ths / UNIT))

    def board_share(self) -> Floats:
        """(3, n): each board's part of the machine's hashrate; dead boards 0."""
        alive = self.board_scale * self.board_ok
        return np.asarray(alive / np.maximum(alive.sum(axis=0), 1e-9))

    def inlet_c(self) -> Floats:
        """Air entering each machine, deg C: the site's daily curve, hottest at 16:00 local time."""
        hour = ((self.now + self.plates.utc_offset_s) % 86_400) / 3600
        daily = np.sin((hour - 10) * (2 * np.pi / 24))
        return np.asarray(self.plates.ambient_mean + self.plates.ambient_swing * daily + self.inlet_offset_c)

    def fan_rpm(self) -> Floats:
        """(4, n): rpm of each fan; 0 where dead or not fitted."""
        fitted = np.arange(4)[:, None] < self.plates.fans
        spread = np.array([1.0, 0.985, 0.97, 0.96])[:, None]
        return np.asarray(self.plates.fan_max * self.fan_pct * spread * (fitted & self.fan_ok))

    def recent(self, index: int, seconds: int) -> Ints:
        """The last `seconds` true hashrates of one machine in units, oldest first (for tests)."""
        rows = np.arange(self._cursor - seconds, self._cursor) % RING_S
        return np.asarray(self._ring[rows, index], dtype=np.int64)

    # --- one tick ---------------------------------------------------------------------------------

    def _count_down(self) -> None:
        np.maximum(self.down_left - 1, 0, out=self.down_left)
        up = self.down_left == 0
        self.start_left[up] = np.maximum(self.start_left[up] - 1, 0)
        self.elapsed += up

    def _target(self) -> Floats:
        """Steady-state hashrate as a share of the nameplate."""
        running = ~self.asleep & self.psu_ok & (self.down_left == 0) & (self.start_left == 0)
        boards = (self.board_scale * self.board_ok).sum(axis=0)
        return np.asarray(running * boards * self.scale * self.power_target**0.85)

    def _ramp_towards(self, target: Floats, dt: float) -> None:
        tau = np.where(target < self.ramp, SLEEP_TAU_S, self.wake_tau_s)
        self.ramp += (target - self.ramp) * (1 - np.exp(-dt / tau))
        self.ramp[(target == 0) & (self.ramp < 0.001)] = 0.0

    def _hash(self) -> None:
        noise = self._rng.standard_normal(self.size)
        noise *= NOISE * (1 + 0.5 * (np.abs(noise) > 2))  # tails fatter than normal
        units = np.rint(self.ramp * (1 + noise) * UNIT).clip(0, 65_535).astype(np.uint16)
        ring, cursor = self._ring, self._cursor
        for i, window in enumerate(WINDOWS_S):
            self._sums[i] += units
            self._sums[i] -= ring[(cursor - window) % RING_S]
        ring[cursor] = units
        self._cursor = (cursor + 1) % RING_S
        self.total_units += units

    def _heat(self, dt: float) -> None:
        fitted = np.maximum(self.plates.fans, 1)
        working = (self.fan_ok & (np.arange(4)[:, None] < self.plates.fans)).sum(axis=0)
        airflow = self.fan_pct * working / fitted
        inlet = self.inlet_c()
        target = inlet + 33.0 * self.ramp / (0.35 + 0.65 * airflow)
        self.chip_c += (target - self.chip_c) * min(1.0, dt / THERMAL_TAU_S)
        wanted = (0.45 + (self.chip_c - CHIP_TARGET_C) * 0.035).clip(0.15, 1.0)
        wanted[self.ramp == 0] = 0.15
        wanted[self.down_left > 0] = 0.0
        self.fan_pct += (wanted - self.fan_pct) * min(1.0, dt / FAN_TAU_S)

    def _draw_power(self, dt: float) -> None:
        fans = self.fan_pct**3 * self.plates.fans * FAN_W
        leak = 1 + LEAKAGE_PER_C * (self.chip_c - CHIP_TARGET_C)
        boards = (self.plates.watts - IDLE_W - 40) * self.power_scale * leak
        noise = 1 + 0.003 * self._rng.standard_normal(self.size)
        self.power_w = boards * self.ramp**POWER_EXPONENT * noise + fans + IDLE_W
        self.power_w[self.down_left > 0] = 0.0
        self.energy_wh += self.power_w * (dt / 3600)

    def _count_shares(self, dt: float) -> None:
        rng, n = self._rng, self.size
        rate = self.share_rate() * dt
        found = rng.poisson(rate)
        lost = rng.random((2, n)) < np.array([[0.0015], [0.0008]]) * found
        self.rejected += lost[0]
        self.stale += lost[1]
        self.accepted += np.maximum(found - lost.sum(axis=0), 0)
        self.hw_errors += rng.poisson(self.hw_rate * self.ramp * dt)

    def share_rate(self) -> Floats:
        """Shares a second at the pool's difficulty."""
        return np.asarray(self.ramp * self.plates.ths * 1e12 / (RAW_DIFFICULTY * HASHES_PER_DIFFICULTY))

    # --- a warm start -----------------------------------------------------------------------------

    def _fill_ring(self) -> None:
        """Half an hour of hashrate around the steady state: five minutes of noise, shuffled six times."""
        for row in range(0, WINDOWS_S[2], 100):
            noise = self._rng.standard_normal((100, self.size), dtype=np.float32)
            units = np.rint(self.ramp * UNIT * (1 + NOISE * noise)).clip(0, 65_535)
            self._ring[row : row + 100] = units.astype(np.uint16)
        first = self._ring[: WINDOWS_S[2]]
        for row in range(WINDOWS_S[2], RING_S, WINDOWS_S[2]):
            self._ring[row : row + WINDOWS_S[2]] = first[self._rng.permutation(WINDOWS_S[2])]
        for i, window in enumerate(WINDOWS_S):
            self._sums[i] = self._ring[RING_S - window :].sum(axis=0, dtype=np.int64)

    def _fill_history(self) -> None:
        self.elapsed[:] = self._rng.integers(3_600, MAX_UPTIME_S, self.size)
        before = self.elapsed - RING_S
        self.total_units[:] = self._sums[-1] + np.rint(before * self.ramp * UNIT).astype(np.int64)
        found = self._rng.poisson(self.share_rate() * self.elapsed)
        self.rejected[:] = self._rng.binomial(found, 0.0015)
        self.stale[:] = self._rng.binomial(found, 0.0008)
        self.accepted[:] = found - self.rejected - self.stale
        self.hw_errors[:] = self._rng.poisson(self.hw_rate * self.ramp * self.elapsed)

    def snapshot(self) -> dict[str, Any]:
        """The truth of this tick as lists by miner index, rounded for the log."""
        names = ("5s", "1m", "5m", "15m", "30m")
        windows = {f"ths_{name}": self.window_ths(i).round(3).tolist() for i, name in enumerate(names)}
        return {
            "t": self.now,
            **windows,
            "ths_av": self.average_ths().round(3).tolist(),
            "ths": self.instant_ths().round(3).tolist(),
            "power_w": self.power_w.round(1).tolist(),
            "mode": self.mode().tolist(),
            "energy_wh": self.energy_wh.round(3).tolist(),
        }
