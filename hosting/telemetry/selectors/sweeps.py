"""The last sweeps of the sites in view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from hashinsight.core.scope import Scope
from hosting.telemetry.selectors import words
from hosting.telemetry.selectors.rows import fetch

_LAST: Final = (
    "SELECT s.site_id, s.slot_at, s.started_at, s.finished_at, s.planned, s.good, s.missed, s.deferred,"
    " s.repaired, s.misses FROM unnest(%(sites)s::bigint[]) AS wanted(id)"
    " JOIN LATERAL (SELECT slot_at FROM telemetry_sweep t WHERE t.site_id = wanted.id"
    " AND t.finished_at IS NOT NULL ORDER BY slot_at DESC LIMIT 1) AS last ON true"
    " JOIN telemetry_sweep s ON s.site_id = wanted.id AND s.slot_at = last.slot_at"
    " WHERE s.host_id = %(host_id)s AND s.finished_at IS NOT NULL"
)


@dataclass(slots=True)
class _Row:
    site_id: int
    slot_at: datetime
    started_at: datetime
    finished_at: datetime
    planned: int
    good: int
    missed: int
    deferred: int
    repaired: int
    misses: Any


@dataclass(slots=True)
class LastSweep:
    """The newest finished sweep of one site, or of several: all shards together."""

    started_at: datetime
    finished_at: datetime
    planned: int = 0
    good: int = 0
    missed: int = 0
    deferred: int = 0
    repaired: int = 0
    misses: Counter[str] = field(default_factory=Counter)

    @property
    def causes(self) -> list[tuple[int, words.Text]]:
        """The misses by cause in words, most frequent first."""
        return [(count, words.cause_label(name)) for name, count in self.misses.most_common()]

    @property
    def duration_s(self) -> float:
        """From the first packet to the last row."""
        return (self.finished_at - self.started_at) / timedelta(seconds=1)


def last_sweeps(scope: Scope, site_ids: Collection[int]) -> dict[int, LastSweep]:
    """By site; a site that was never swept is missing."""
    rows = fetch(_Row, _LAST, {"sites": list(site_ids), "host_id": scope.host_id}) if site_ids else []
    found: dict[int, LastSweep] = {}
    for row in rows:
        sweep = found.setdefault(row.site_id, LastSweep(row.started_at, row.finished_at))
        sweep.started_at = min(sweep.started_at, row.started_at)
        sweep.finished_at = max(sweep.finished_at, row.finished_at)
        for name in ("planned", "good", "missed", "deferred", "repaired"):
            setattr(sweep, name, getattr(sweep, name) + getattr(row, name))
        sweep.misses.update(orjson.loads(row.misses) if isinstance(row.misses, str) else row.misses)
    return found


def together(sweeps: Collection[LastSweep]) -> LastSweep | None:
    """Sweeps of several sites as one: the longest duration, the oldest end, counts added; None of none."""
    if not sweeps:
        return None
    longest = max(sweeps, key=lambda sweep: sweep.duration_s)
    oldest_end = min(sweep.finished_at for sweep in sweeps)
    total = LastSweep(oldest_end - timedelta(seconds=longest.duration_s), oldest_end)
    for sweep in sweeps:
        for name in ("planned", "good", "missed", "deferred", "repaired"):
            setattr(total, name, getattr(total, name) + getattr(sweep, name))
        total.misses.update(sweep.misses)
    return total


def swept_at(scope: Scope, site_ids: Collection[int]) -> datetime | None:
    """When the newest sweep of these sites ended; None = never swept."""
    return max((sweep.finished_at for sweep in last_sweeps(scope, site_ids).values()), default=None)
