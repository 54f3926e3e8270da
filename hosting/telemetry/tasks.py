"""Celery tasks of telemetry: thin, repeatable, and gone when their slot has passed."""

from __future__ import annotations

import logging
from datetime import datetime

from celery import current_app, shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import connections

from hashinsight.core import clock
from hosting.telemetry.services import hunt, leases, partitions, sweeps

log = logging.getLogger(__name__)

HUNTING = "telemetry:hunting"
HUNT_LOCK_S = 180


@shared_task(ignore_result=True)
def start_sweeps() -> None:
    """Put one task a due shard on the queue; each expires with its slot."""
    for due in sweeps.due_shards(clock.now(), settings.SWEEP_INTERVAL_S):
        _send(due)


@shared_task(ignore_result=True)
def sweep_site(site_id: int) -> None:
    """Sweep one site now, as far as its present slot is not done (after an import, a confirmed claim)."""
    for due in sweeps.due_shards(clock.now(), settings.SWEEP_INTERVAL_S):
        if due.site_id == site_id:
            _send(due)


@shared_task(ignore_result=True)
def sweep_shard(site_id: int, host_id: int, shard: int, shards: int, slot_at: str) -> None:
    """Sweep one shard for one slot, unless somebody else does or did."""
    try:
        sweeps.sweep_shard(sweeps.Due(site_id, host_id, shard, shards, datetime.fromisoformat(slot_at)))
    except* leases.LeaseLostError as lost:
        log.warning("sweep given up: %s", lost.exceptions[0])
    finally:
        connections["telemetry"].close()


@shared_task(ignore_result=True)
def hunt_moved() -> None:
    """Look for silent miners in their sites' ranges, one site after another, never two runs at a time."""
    if not cache.add(HUNTING, 1, HUNT_LOCK_S):
        return
    try:
        for site_id in hunt.sites_to_hunt():
            cache.set(HUNTING, 1, HUNT_LOCK_S)
            hunt.hunt(site_id)
    finally:
        cache.delete(HUNTING)
        connections["telemetry"].close()


@shared_task(ignore_result=True)
def keep_partitions() -> None:
    """Make the partitions of the coming days."""
    partitions.keep()


def _send(due: sweeps.Due) -> None:
    current_app.send_task(
        "hosting.telemetry.tasks.sweep_shard",
        kwargs={
            "site_id": due.site_id,
            "host_id": due.host_id,
            "shard": due.shard,
            "shards": due.shards,
            "slot_at": due.slot_at.isoformat(),
        },
        queue="telemetry",
        expires=float(settings.SWEEP_INTERVAL_S),
        retry=False,
    )
