"""Energy from power samples: the trapezoid between neighbours, never across a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Energy:
    """``energy_wh`` over ``covered_s`` seconds of data; ``gap_s`` seconds had none (not estimated here)."""

    energy_wh: float
    covered_s: float
    gap_s: float


def integrate(samples: Sequence[tuple[datetime, float | None]], *, max_gap_s: float) -> Energy:
    """Integrate ``(time, power_w)`` pairs in rising time order.

    Two neighbours count when both powers are known and they are at most ``max_gap_s`` apart.
    Raises ValueError when times do not rise.
    """
    energy_ws = covered_s = gap_s = 0.0
    for (start, power_a), (end, power_b) in pairwise(samples):
        step_s = (end - start).total_seconds()
        if step_s <= 0:
            raise ValueError("sample times must rise")
        if power_a is None or power_b is None or step_s > max_gap_s:
            gap_s += step_s
            continue
        energy_ws += (power_a + power_b) / 2 * step_s
        covered_s += step_s
    return Energy(energy_ws / 3600, covered_s, gap_s)
