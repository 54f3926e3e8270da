"""What really was: the truth behind each reply, per second, and what the machines were asked."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from hosting.simulator import view as v
from hosting.simulator.card import Card
from hosting.simulator.physics import MODE_NAMES
from hosting.simulator.switches import HEALTHY
from hosting.simulator.wire import Request

TRUTH_COLUMNS = {
    "ths_5s": v.THS_5S, "ths_1m": v.THS_1M, "ths_5m": v.THS_5M, "ths_15m": v.THS_15M, "ths_30m": v.THS_30M,
    "ths_av": v.THS_AV, "power_w": v.POWER, "energy_wh": v.ENERGY, "mode": v.MODE, "elapsed_s": v.ELAPSED,
}  # fmt: skip
MASKS = {"summary": 1, "stats": 2, "estats": 2, "litestats": 2, "devs": 4, "edevs": 4, "pools": 8}
TRUTH_TABLE = list(TRUTH_COLUMNS.values())
"""The columns of a view table that make a truth table."""
MAX_SERVED = 600_000
MAX_JOURNAL = 200_000
TRUTH_BYTES = 64_000_000

Table = npt.NDArray[np.float64]


def reply_mask(request: Request) -> int:
    """Which reports a request asks for: summary 1, stats 2, devs 4, pools 8."""
    mask = 0
    for command in request.commands:
        mask |= MASKS.get(command, 0)
    return mask


class Oracle:
    """Counters, the log of served replies and the ring of true states."""

    def __init__(self, miners: int) -> None:
        self.connections = [0] * miners
        self.requests = [0] * miners
        self.outcomes: Counter[str] = Counter()
        self.requests_seen: list[Request] = []
        self.other_commands: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.http: Counter[str] = Counter()
        self.unknown_address = 0
        self.bytes_sent = 0
        self.journal: deque[dict[str, Any]] = deque(maxlen=MAX_JOURNAL)
        self._pending: list[tuple[float, int, int]] = []
        self._served: deque[tuple[Table, Table]] = deque()
        self._served_rows = 0
        row_bytes = max(miners * len(TRUTH_TABLE) * 8, 1)
        self._truth: deque[tuple[float, Table]] = deque(maxlen=max(2, min(600, TRUTH_BYTES // row_bytes)))

    def served(self, now: float, index: int, mask: int) -> None:
        """A complete reply went out; its truth is joined at the end of the tick."""
        self._pending.append((now, index, mask))

    def end_tick(self, now: float, table: Table) -> None:
        """Keep the truth of the tick that ends: for each reply served in it, and for the fleet."""
        self._flush(table)
        self._truth.append((now, table[:, TRUTH_TABLE]))

    def _flush(self, table: Table) -> None:
        if not self._pending:
            return
        keys = np.array(self._pending, dtype=np.float64)
        self._pending.clear()
        truth = table[keys[:, 1].astype(np.int64)][:, TRUTH_TABLE]
        self._served.append((keys, truth))
        self._served_rows += len(keys)
        while self._served_rows > MAX_SERVED:
            self._served_rows -= len(self._served.popleft()[0])

    def note_switches(self, now: float, card: Card, *, down: bool = False) -> None:
        """Remember that a miner's behaviour changed, for comparing misses by cause (`down`: it reboots)."""
        switches = card.switches
        changed = {k: val for k, val in asdict(switches).items() if val != getattr(HEALTHY, k)}
        self.journal.append(
            {"t": now, "miner": card.index, "cause": "timeout" if down else switches.miss_cause,
             "switches": changed, "address": card.address}
        )  # fmt: skip

    def served_since(self, since: float, table: Table) -> dict[str, Any]:
        """Columns of all complete replies after epoch `since`: time, miner, mask and the truth then."""
        self._flush(table)
        chunks = [(k, truth) for k, truth in self._served if k[-1, 0] > since]
        if not chunks:
            return {name: [] for name in ("t", "miner", "mask", *TRUTH_COLUMNS)}
        keys = np.concatenate([k for k, _ in chunks])
        truth = np.concatenate([part for _, part in chunks])
        keep = keys[:, 0] > since
        keys, truth = keys[keep], truth[keep]
        out: dict[str, Any] = {
            "t": keys[:, 0].copy(),
            "miner": keys[:, 1].astype(np.int64),
            "mask": keys[:, 2].astype(np.int64),
        }
        return out | {name: truth[:, i].round(6) for i, name in enumerate(TRUTH_COLUMNS)}

    def truth_since(self, since: float, miners: list[int] | None) -> list[dict[str, Any]]:
        """True states of the ended ticks after epoch `since`, for `miners` or all, oldest first."""
        return [truth_row(t, table, miners) for t, table in self._truth if t > since]

    def counters(self) -> dict[str, Any]:
        """Everything counted so far."""
        by_command = Counter(self.other_commands)
        for request in self.requests_seen:
            by_command[request.label] += request.count
        return {
            "connections": sum(self.connections),
            "requests": sum(self.requests),
            "by_command": dict(by_command),
            "by_outcome": dict(self.outcomes),
            "writes": dict(self.writes),
            "http": dict(self.http),
            "unknown_address": self.unknown_address,
            "bytes_sent": self.bytes_sent,
        }


def truth_row(t: float, table: Table, miners: list[int] | None = None) -> dict[str, Any]:
    """One true state as JSON-ready columns; `table` has TRUTH_COLUMNS, arrays are by miner index."""
    part = table if miners is None else table[miners]
    out: dict[str, Any] = {"t": t}
    if miners is not None:
        out["miner"] = miners
    for i, name in enumerate(TRUTH_COLUMNS):
        column = part[:, i]
        whole = name in {"mode", "elapsed_s"}
        out[name] = column.astype(np.int64) if whole else column.round(3)
    return out | {"modes": MODE_NAMES}
