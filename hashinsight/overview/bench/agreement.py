"""`./hi bench agreement`: what was stored against what the simulator knows to be true.

All misbehaviours are on. Each sample is compared with the true mean over the window that the reading
names, at the second in which the simulator sent the reply.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from hashinsight.core import clock
from hashinsight.overview.bench.rig import Rig, rows
from hashinsight.overview.bench.sweep import expected_misses
from hosting.telemetry.domain.codes import Mode, PowerSource
from hosting.telemetry.domain.energy import integrate
from hosting.telemetry.services import sweeps
from hosting.telemetry.services.asking import Memories

TOLERANCE = 0.01
ENERGY_TOLERANCE = 0.005
REPORTS_RATE = 1 | 2  # summary or stats: the replies that carry hashrates
_COLUMN_OF_WINDOW = {60: "ths_1m", 300: "ths_5m", 900: "ths_15m", 1800: "ths_30m", None: "ths_av"}
MATCH_S = 6.0
RESOLUTION_W = 0.5
SHOWN = 10


@dataclass(slots=True)
class Score:
    """Counts over all sweeps."""

    compared: int = 0
    agreed: int = 0
    unmatched: int = 0
    false_mining: int = 0
    worst: list[dict[str, Any]] = field(default_factory=list)
    misses: Counter[str] = field(default_factory=Counter)
    expected: Counter[str] = field(default_factory=Counter)
    wrong_owner: int = 0


def run(rig: Rig, *, sweeps_wanted: int, interval_s: int) -> dict[str, Any]:
    """Sweep ``sweeps_wanted`` times, ``interval_s`` apart, and compare."""
    started, score, memories, meters = time.time(), Score(), Memories(), Meters(rig)
    for _ in range(sweeps_wanted):
        slot_at = clock.slot_of(clock.now(), interval_s) + timedelta(seconds=interval_s)
        time.sleep(max(0.0, (slot_at - clock.now()).total_seconds()))
        rows("UPDATE telemetry_live SET next_due_at = NULL RETURNING 1", [])
        since = time.time() - 2
        report = sweeps.sweep_shard(
            sweeps.Due(rig.site.pk, rig.site.host_id, 0, 1, slot_at), memories=memories
        )
        if report is None:
            raise RuntimeError("the shard is held by somebody else")
        score.misses.update(report.tally.misses)
        score.expected.update(expected_misses(rig.fleet))
        time.sleep(1.2)
        _compare(rig, slot_at, rig.get(f"/served?since={since}"), score)
        meters.read(since)
    energy = _energy(rig, meters, started)
    agreed = score.agreed / max(1, score.compared)
    return {
        "bench": "agreement",
        "miners": len(rig.fleet.miners),
        "sweeps": sweeps_wanted,
        "samples_compared": score.compared,
        "agreed_share": round(agreed, 6),
        "samples_without_truth": score.unmatched,
        "false_mining": score.false_mining,
        "worst": score.worst[-SHOWN:],
        "misses": dict(sorted(score.misses.items())),
        "misses_expected": dict(sorted(score.expected.items())),
        "energy": energy,
        "claims": dict(rows("SELECT state, count(*) FROM telemetry_claim GROUP BY state", [])),
        "met": agreed >= 0.999
        and score.false_mining == 0
        and score.misses == score.expected
        and energy["within_share"] == 1.0,
    }


def _compare(rig: Rig, slot_at: Any, served: dict[str, Any], score: Score) -> None:
    times, miners, masks = (np.asarray(served[key]) for key in ("t", "miner", "mask"))
    told = np.nonzero(masks & REPORTS_RATE)[0]
    by_miner: dict[int, list[int]] = {}
    for position in told:
        by_miner.setdefault(int(miners[position]), []).append(int(position))
    index_of = {pk: index for index, pk in enumerate(rig.miner_ids)}
    samples = rows(
        "SELECT s.miner_id, extract(epoch FROM s.sampled_at)::float8, s.hashrate_ths, s.mode,"
        " l.hashrate_window_s FROM telemetry_sample s JOIN telemetry_live l ON l.miner_id = s.miner_id"
        " WHERE s.slot_at = %s",
        [slot_at],
    )
    for miner_id, at, hashrate_ths, mode, window_s in samples:
        index = index_of[miner_id]
        near = [p for p in by_miner.get(index, []) if at - MATCH_S <= times[p] <= at + 0.5]
        if not near:
            score.unmatched += 1
            continue
        truth = {key: values[near[-1]] for key, values in served.items()}
        _score_one(rig, index, truth, (hashrate_ths, mode, window_s), score)


def _score_one(rig: Rig, index: int, truth: dict[str, Any], sample: tuple[Any, ...], score: Score) -> None:
    hashrate_ths, mode, window_s = sample
    if mode == Mode.MINING and truth["mode"] != "mining" and truth["ths_5s"] <= 0:
        score.false_mining += 1
    if hashrate_ths is None:
        return
    score.compared += 1
    true_ths = float(truth[_COLUMN_OF_WINDOW[window_s]])
    nominal = rig.fleet.miners[index].nominal_ths
    # A machine that stands still has a true mean of nearly 0: there the yardstick is its nameplate.
    if abs(hashrate_ths - true_ths) <= TOLERANCE * max(true_ths, nominal * TOLERANCE):
        score.agreed += 1
    else:
        miner = rig.fleet.miners[index]
        score.worst.append(
            {
                "dialect": miner.dialect,
                "behaviour": miner.behaviour,
                "stored_ths": hashrate_ths,
                "true_ths": true_ths,
                "window_s": window_s,
            }
        )


class Meters:
    """The simulator's own energy meters around the first and the last sample of each miner."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._first: list[dict[str, Any]] = []
        self._last: list[dict[str, Any]] = []

    def read(self, since: float) -> None:
        """Keep the per-second truth since ``since``; the first call's and the last call's are used."""
        ticks = self._rig.get(f"/truth?since={since}")
        table = [{"t": tick["t"], "wh": np.asarray(tick["energy_wh"])} for tick in ticks]
        self._first = self._first or table
        self._last = table

    def between(self, index: int, first_at: float, last_at: float) -> float | None:
        """Wh that the miner used from one time to another; None outside of what was kept."""
        start, end = _meter_at(self._first, index, first_at), _meter_at(self._last, index, last_at)
        return None if start is None or end is None else end - start


def _largest(errors: list[tuple[float, dict[str, Any]]]) -> list[tuple[float, dict[str, Any]]]:
    return sorted(errors, key=lambda error: -error[0])[:SHOWN]


def _meter_at(table: list[dict[str, Any]], index: int, at: float) -> float | None:
    """The meter at ``at``, linear between two ticks."""
    for before, after in pairwise(table):
        if before["t"] <= at <= after["t"]:
            share = (at - before["t"]) / (after["t"] - before["t"])
            return float(before["wh"][index] + share * (after["wh"][index] - before["wh"][index]))
    return None


def _energy(rig: Rig, meters: Meters, since: float) -> dict[str, Any]:
    """Energy from the samples against the meters, for miners that measure their power at the wall or PSU."""
    index_of = {pk: index for index, pk in enumerate(rig.miner_ids)}
    found: dict[int, list[tuple[Any, Any]]] = {}
    for miner_id, at, power_w in rows(
        "SELECT miner_id, sampled_at, power_w FROM telemetry_sample WHERE power_source IN (%s, %s)"
        " AND slot_at >= to_timestamp(%s) ORDER BY miner_id, slot_at",
        [PowerSource.MEASURED, PowerSource.PSU, since],
    ):
        found.setdefault(miner_id, []).append((at, power_w))
    errors, worst, within, standby = [], [], 0, 0
    for miner_id, series in found.items():
        energy = integrate(series, max_gap_s=600)
        true_wh = meters.between(index_of[miner_id], series[0][0].timestamp(), series[-1][0].timestamp())
        if true_wh and not energy.gap_s and energy.covered_s:
            errors.append(abs(energy.energy_wh / true_wh - 1))
            # A machine that stands by tells whole watts: half of one is the best that can be known.
            resolution_wh = RESOLUTION_W * energy.covered_s / 3600
            within += abs(energy.energy_wh - true_wh) <= max(ENERGY_TOLERANCE * true_wh, resolution_wh)
            standby += ENERGY_TOLERANCE * true_wh < resolution_wh
            worst.append((errors[-1], rig.fleet.miners[index_of[miner_id]].behaviour))
    return {
        "miners": len(errors),
        "worst": [{"share": round(share, 5), "behaviour": how} for share, how in _largest(worst)],
        "miners_with_power": len(found),
        "worst_share": round(max(errors, default=-1.0), 5),
        "median_share": round(float(np.median(errors)), 5) if errors else None,
        "standby_miners": standby,
        "within_share": round(within / max(1, len(errors)), 5),
        "within_share_without_standby_rule": round(
            sum(error <= ENERGY_TOLERANCE for error in errors) / max(1, len(errors)), 5
        ),
    }
