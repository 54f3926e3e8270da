"""`./hi bench cadence`: real workers and beat for minutes; no sweep may be late, lost or doubled."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from hashinsight.core import clock
from hashinsight.core.supervisor import Supervisor
from hashinsight.overview.bench.rig import Rig, rows
from hashinsight.overview.bench.workers import start_workers

LATE_S = 3.0
WARM_UP_SLOTS = 1


def run(rig: Rig, *, minutes: float, interval_s: int) -> dict[str, Any]:
    """Let the workers sweep for ``minutes``, then look at every slot that passed."""
    with Supervisor(rig.folder / "log") as supervisor:
        start_workers(supervisor, rig.folder)
        since = clock.slot_of(clock.now(), interval_s) + timedelta(seconds=interval_s * (WARM_UP_SLOTS + 1))
        until = since + timedelta(minutes=minutes)
        time.sleep((until - clock.now()).total_seconds() + interval_s)
    return _judge(rig, since, until, interval_s)


def _judge(rig: Rig, since: Any, until: Any, interval_s: int) -> dict[str, Any]:
    found = rows(
        "SELECT slot_at, extract(epoch FROM started_at - slot_at)::float8,"
        " extract(epoch FROM finished_at - slot_at)::float8, planned, good, missed, deferred, cpu_s"
        " FROM telemetry_sweep WHERE slot_at >= %s AND slot_at < %s ORDER BY slot_at",
        [since, until],
    )
    expected = round((until - since).total_seconds() / interval_s)
    done = [row for row in found if row[2] is not None]
    late = [row for row in done if row[1] > LATE_S or row[2] > interval_s]
    whole = [row for row in done if row[4] + row[5] == row[3]]
    ((samples, distinct),) = rows(
        "SELECT count(*), count(DISTINCT (miner_id, slot_at)) FROM telemetry_sample"
        " WHERE slot_at >= %s AND slot_at < %s",
        [since, until],
    )
    return {
        "bench": "cadence",
        "miners": len(rig.fleet.miners),
        "interval_s": interval_s,
        "slots_expected": expected,
        "slots_finished": len(done),
        "slots_late": len(late),
        "slots_whole": len(whole),
        "start_lag_max_s": round(max((row[1] for row in done), default=-1.0), 2),
        "finish_lag_max_s": round(max((row[2] for row in done), default=-1.0), 2),
        "samples": samples,
        "duplicates": samples - distinct,
        "cpu_s_mean": round(sum(row[7] for row in done) / max(1, len(done)), 2),
        "met": len(done) == len(whole) == expected and not late and samples == distinct,
    }
