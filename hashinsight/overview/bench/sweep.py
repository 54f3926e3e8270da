"""`./hi bench sweep`: one whole sweep from nothing against a bare client that only asks and reads."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from statistics import median
from typing import Any

import uvloop
from django.conf import settings

from hashinsight.core import clock
from hashinsight.integrations.miners import dialects
from hashinsight.integrations.miners.dialects.base import Device
from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.transport import Deadlines, ask
from hashinsight.overview.bench.rig import Rig, forget_everything, rows
from hosting.simulator.fleet import Fleet, SimMiner
from hosting.simulator.switches import REPLIES, TRANSPORTS
from hosting.telemetry.services import sweeps
from hosting.telemetry.services.asking import Memories

TARGET_WALL_S = 8.0
TARGET_CPU_MS = 0.7
MUTE_DIALECT = "cgminer"  # tells its MAC nowhere


def run(rig: Rig, *, repeat: int) -> dict[str, Any]:
    """Bare client and sweep in turn, ``repeat`` times; figures per round and their medians."""
    first_slot = clock.slot_of(clock.now(), settings.SWEEP_INTERVAL_S) - timedelta(hours=2)
    rounds = []
    for number in range(repeat):
        bare = _bare(rig)
        before = rig.get("/counters")
        report = _sweep(rig, first_slot + timedelta(seconds=number * settings.SWEEP_INTERVAL_S))
        rounds.append(_figures(rig, bare, report, before, rig.get("/counters")))
    wall, cpu = (median(one[key] for one in rounds) for key in ("wall_s", "cpu_ms_per_miner"))
    return {
        "bench": "sweep",
        "miners": len(rig.fleet.miners),
        "wall_s": wall,
        "cpu_ms_per_miner": cpu,
        "targets": {"wall_s": TARGET_WALL_S, "cpu_ms_per_miner": TARGET_CPU_MS},
        "met": wall <= TARGET_WALL_S and cpu <= TARGET_CPU_MS and all(one["exact"] for one in rounds),
        "rounds": rounds,
    }


def _sweep(rig: Rig, slot_at: Any) -> sweeps.Report:
    forget_everything()
    report = sweeps.sweep_shard(sweeps.Due(rig.site.pk, rig.site.host_id, 0, 1, slot_at), memories=Memories())
    if report is None:
        raise RuntimeError("the shard is held by somebody else")
    return report


def _figures(
    rig: Rig, bare: dict[str, float], report: sweeps.Report, before: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    miners = len(rig.fleet.miners)
    expected = expected_misses(rig.fleet)
    ((stored,),) = rows("SELECT count(*) FROM telemetry_sample WHERE slot_at = %s", [report.slot_at])
    commands = _commands(after) - _commands(before)
    return {
        "wall_s": round(report.wall_s, 2),
        "cpu_ms_per_miner": round(report.cpu_s / miners * 1000, 3),
        "bare_wall_s": round(bare["wall_s"], 2),
        "bare_cpu_ms_per_miner": round(bare["cpu_s"] / miners * 1000, 3),
        "wall_ratio": round(report.wall_s / bare["wall_s"], 2),
        "cpu_ratio": round(report.cpu_s / bare["cpu_s"], 2),
        "read": report.tally.good,
        "stored": stored,
        "misses": dict(report.tally.misses),
        "misses_expected": dict(expected),
        "commands_per_living_miner": round(commands / max(1, miners - sum(expected.values())), 2),
        "bytes_per_connection": round(
            (after["bytes_sent"] - before["bytes_sent"])
            / max(1, after["connections"] - before["connections"])
        ),
        "exact": dict(report.tally.misses) == dict(expected) and stored == report.tally.good,
    }


def _grown(before: dict[str, Any], after: dict[str, Any], key: str) -> int:
    return int(after[key]) - int(before[key])


def _commands(counters: dict[str, Any]) -> int:
    """Commands that the simulator was asked for; a joined request counts each of its members."""
    return sum(len(label.split("+")) * count for label, count in counters["by_command"].items())


def expected_misses(fleet: Fleet) -> Counter[str]:
    """What a collector must count in one sweep of ``fleet``, by cause."""
    return Counter(cause for miner in fleet.miners if (cause := _miss_cause(fleet, miner)))


def _miss_cause(fleet: Fleet, miner: SimMiner) -> str | None:
    behaviour = miner.behaviour
    other = behaviour.get("swap_with")
    if other is not None:
        # The other machine answers here, recognised by its MAC or, where it tells none, by its dialect.
        stranger = fleet.miners[other].dialect
        return "foreign" if stranger == MUTE_DIALECT and miner.dialect != stranger else None
    return TRANSPORTS[behaviour.get("transport", "ok")] or REPLIES[behaviour.get("reply", "ok")]


def _bare(rig: Rig) -> dict[str, float]:
    """The same requests with the same number in flight and the same deadlines; replies are only read."""
    started, cpu = time.perf_counter(), time.process_time()
    uvloop.run(_ask_all(rig.fleet.miners))
    return {"wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}


async def _ask_all(miners: tuple[SimMiner, ...]) -> None:
    waiting = iter(miners)
    deadlines = Deadlines()

    async def work() -> None:
        for miner in waiting:
            refuses = bool(miner.behaviour.get("joined_refused"))
            plan = dialects.get(miner.dialect).poll_plan(Device(miner.address, joined_refused=False))
            if refuses:
                device = Device(miner.address, joined_refused=True)
                plan = (plan[0], *dialects.get(miner.dialect).poll_plan(device))
            try:
                for request in plan:
                    await ask(miner.address, miner.port, request.payload, deadlines)
            except MinerError:
                continue

    async with asyncio.TaskGroup() as group:
        for _ in range(settings.SWEEP_IN_FLIGHT):
            group.create_task(work())
