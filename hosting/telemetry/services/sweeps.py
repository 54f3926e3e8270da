"""One sweep of one shard: lease, plan, ask, store, tell the open pages."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import uvloop
from django.conf import settings
from django.db import connections

from hashinsight.core import clock, push
from hashinsight.integrations.miners.http_digest import HttpLogin
from hashinsight.integrations.miners.transport import Deadlines
from hosting.telemetry.domain.device import DeviceRow, Lanes, split
from hosting.telemetry.domain.slots import shard_count
from hosting.telemetry.services import leases, sink
from hosting.telemetry.services.asking import Asker, Memories, Outcome
from hosting.telemetry.services.attribution import Attribution, Tally
from hosting.telemetry.services.collector import Collector
from hosting.telemetry.services.leases import USING, Lease

log = logging.getLogger(__name__)

SWEEP_TIME_SHARE = 0.9
IDENTITY_BUDGET_LEAST = 50
FOUND_TRUSTED_S = 900
FOUND_TRUSTED_SLOTS = 3
_MEMORIES = Memories()


@dataclass(frozen=True, slots=True)
class Due:
    """A shard whose slot has come."""

    site_id: int
    host_id: int
    shard: int
    shards: int
    slot_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What a sweep did, with the collector's own CPU seconds."""

    slot_at: datetime
    planned: int
    deferred: int
    tally: Tally
    wall_s: float
    cpu_s: float


def due_shards(now: datetime, interval_s: int) -> list[Due]:
    """Shards of polled sites whose present slot nobody has finished or is busy with."""
    slot_at = clock.slot_of(now, interval_s)
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "SELECT s.id, s.host_id, count(*) FROM fleet_site s JOIN fleet_miner m ON m.site_id = s.id"
            " WHERE s.is_polled AND m.desired_state <> 'retired' GROUP BY s.id, s.host_id ORDER BY s.id"
        )
        sites = cursor.fetchall()
        cursor.execute(
            "SELECT site_id, shard, holder FROM telemetry_lease"
            " WHERE expires_at > clock_timestamp() AND slot_at = %s"
            " UNION ALL SELECT site_id, shard, NULL FROM telemetry_sweep"
            " WHERE slot_at = %s AND finished_at IS NOT NULL",
            [slot_at, slot_at],
        )
        taken = {
            (site_id, shard)
            for site_id, shard, holder in cursor.fetchall()
            if holder is None or not leases.is_dead(holder)
        }
    return [
        Due(site_id, host_id, shard, shards, slot_at)
        for site_id, host_id, miners in sites
        for shards in [shard_count(miners, settings.SWEEP_SHARD_SIZE)]
        for shard in range(shards)
        if (site_id, shard) not in taken
    ]


def sweep_shard(due: Due, *, memories: Memories | None = None) -> Report | None:
    """Sweep one shard for its slot; None when another worker holds it or the slot is done.

    ``memories``: what is known of the miners' ways (this process's own when left out). Raises
    LeaseLostError when the shard was taken over meanwhile.
    """
    lease = leases.take(site_id=due.site_id, host_id=due.host_id, shard=due.shard, slot_at=due.slot_at)
    if lease is None:
        return None
    try:
        return _sweep(lease, due, memories or _MEMORIES)
    finally:
        leases.release(lease)


def _sweep(lease: Lease, due: Due, memories: Memories) -> Report:
    started, cpu = time.perf_counter(), time.process_time()
    started_at = clock.now()
    rows = load_devices(due.site_id, due.shard, due.shards)
    lanes = split(rows, started_at)
    planned = len(lanes.living) + len(lanes.suspects)
    _begin(lease, due, started_at, planned, len(lanes.deferred))
    attribution = Attribution(lease, due.host_id, settings.SWEEP_INTERVAL_S)
    # The database connection belongs to the thread that opened it: one thread writes, the loop asks.
    with ThreadPoolExecutor(1, thread_name_prefix="sink") as writer, _without_collections():
        try:
            uvloop.run(
                _ask_and_store(
                    due, lanes=lanes, memories=memories, lease=lease, attribution=attribution, writer=writer
                )
            )
        finally:
            writer.submit(_close_connection).result()
    report = Report(
        slot_at=due.slot_at,
        planned=planned,
        deferred=len(lanes.deferred),
        tally=attribution.tally,
        wall_s=time.perf_counter() - started,
        cpu_s=time.process_time() - cpu,
    )
    _finish(lease, report)
    push.site_changed(due.site_id, host_id=due.host_id, slot_at=due.slot_at, rows=report.tally.good)
    return report


async def _ask_and_store(
    due: Due,
    *,
    lanes: Lanes,
    memories: Memories,
    lease: Lease,
    attribution: Attribution,
    writer: ThreadPoolExecutor,
) -> None:
    loop = asyncio.get_running_loop()

    async def store(outcomes: list[Outcome]) -> None:
        stored = await loop.run_in_executor(writer, _store, lease, attribution, outcomes)
        attribution.tally.stored += stored
        if stored:
            push.site_changed(due.site_id, host_id=due.host_id, slot_at=due.slot_at, rows=stored)

    try:
        async with asyncio.timeout(settings.SWEEP_INTERVAL_S * SWEEP_TIME_SHARE):
            asker = _asker(memories, len(lanes.living))
            await Collector(asker, lanes, settings.SWEEP_IN_FLIGHT, store).run()
    except TimeoutError:
        # The next slot is worth more than the rest of this one; the counts show what was not reached.
        log.error("site %s/%s: sweep cut off after its time", due.site_id, due.shard)


@contextmanager
def _without_collections() -> Iterator[None]:
    """No garbage collection while thousands of readings are alive: they hold no cycles, and each pass over
    them costs as much as many polls."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _close_connection() -> None:
    connections[USING].close()


def _store(lease: Lease, attribution: Attribution, outcomes: list[Outcome]) -> int:
    return sink.write(lease, attribution.batch(outcomes))


def _asker(memories: Memories, living: int) -> Asker:
    budget = max(IDENTITY_BUDGET_LEAST, living * settings.SWEEP_IDENTITY_PERCENT // 100)
    return Asker(memories, miner_login(), Deadlines(), budget)


def miner_login() -> HttpLogin | None:
    """The login of the miners' web pages, if the collector was given one."""
    if not settings.MINER_HTTP_USER:
        return None
    return HttpLogin(settings.MINER_HTTP_USER, settings.MINER_HTTP_PASSWORD)


_DEVICES = """
SELECT m.id, m.host_id, m.organization_id, host(COALESCE(c.address, m.address)), COALESCE(c.port, m.port),
    m.http_port, m.dialect, m.mac,
    k.nominal_ths, COALESCE(l.misses, 0), l.next_due_at, COALESCE(l.joined_refused, false),
    COALESCE(l.identity, 0), COALESCE(l.address_key, ''), COALESCE(l.address_mac, ''),
    l.address_checked_at, l.address_uptime_s, l.address_seen_at, c.id IS NOT NULL
FROM fleet_miner m
JOIN fleet_minermodel k ON k.id = m.model_id
LEFT JOIN telemetry_live l ON l.miner_id = m.id
LEFT JOIN telemetry_claim c ON c.site_id = m.site_id AND c.miner_id = m.id AND c.found_miner_id = m.id
    AND c.mac_seen = m.mac AND c.state = 'open' AND c.last_seen_at > %s
WHERE m.site_id = %s AND m.desired_state <> 'retired' AND mod(m.id, %s) = %s
"""


def load_devices(site_id: int, shard: int, shards: int) -> list[DeviceRow]:
    """The miners of a shard with what the collector remembers of them.

    A lost miner that was found elsewhere comes with the address where it was found, as long as it is seen
    there; then with its own again.
    """
    trusted_s = max(FOUND_TRUSTED_S, FOUND_TRUSTED_SLOTS * settings.SWEEP_INTERVAL_S)
    seen_after = clock.now() - timedelta(seconds=trusted_s)
    with connections[USING].cursor() as cursor:
        cursor.execute(_DEVICES, [seen_after, site_id, shards, shard])
        return [DeviceRow(*row) for row in cursor.fetchall()]


def _begin(lease: Lease, due: Due, started_at: datetime, planned: int, deferred: int) -> None:
    _execute(
        "INSERT INTO telemetry_sweep (site_id, shard, slot_at, host_id, epoch, started_at, planned, deferred,"
        " good, missed, stored, requests, repaired, misses)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0, '{}')"
        " ON CONFLICT (site_id, shard, slot_at) DO UPDATE SET epoch = EXCLUDED.epoch,"
        " planned = EXCLUDED.planned, deferred = EXCLUDED.deferred",
        [due.site_id, due.shard, due.slot_at, due.host_id, lease.epoch, started_at, planned, deferred],
    )


def _finish(lease: Lease, report: Report) -> None:
    tally = report.tally
    _execute(
        "UPDATE telemetry_sweep SET finished_at = clock_timestamp(), good = %s, missed = %s,"
        " stored = stored + %s, requests = %s, repaired = %s, misses = %s::jsonb, cpu_s = %s"
        " WHERE site_id = %s AND shard = %s AND slot_at = %s AND epoch = %s",
        [
            tally.good,
            tally.missed,
            tally.stored,
            tally.requests,
            tally.repaired,
            orjson.dumps(dict(tally.misses)).decode(),
            report.cpu_s,
            lease.site_id,
            lease.shard,
            lease.slot_at,
            lease.epoch,
        ],
    )
    log.info(
        "site %s/%s slot %s: %s of %s read, %s missed, %.2f s",
        lease.site_id,
        lease.shard,
        lease.slot_at.isoformat(),
        tally.good,
        report.planned,
        tally.missed,
        report.wall_s,
    )


def _execute(statement: str, values: list[Any]) -> None:
    with connections[USING].cursor() as cursor:
        cursor.execute(statement, values)
