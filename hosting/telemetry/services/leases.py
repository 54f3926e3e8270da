"""Who sweeps a shard: a row with holder, epoch and expiry, taken by compare-and-set."""

from __future__ import annotations

import logging
import os
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import InterfaceError, OperationalError, connections

log = logging.getLogger(__name__)

LEASE_S: Final = 45
RELEASE_TRIES: Final = 20
RELEASE_PAUSE_S: Final = 0.5
USING: Final = "telemetry"


class LeaseLostError(RuntimeError):
    """Another worker has taken the shard over: this one must not write any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one shard's slot."""

    site_id: int
    shard: int
    slot_at: datetime
    holder: str
    epoch: int


def holder_name() -> str:
    """This process: host, pid and start time, so that a dead holder on this host is recognised."""
    return f"{socket.gethostname()}/{os.getpid()}/{_start_time(os.getpid()) or 0}"


def take(*, site_id: int, host_id: int, shard: int, slot_at: datetime) -> Lease | None:
    """Take the shard for ``slot_at``; None when it is held, or the slot is done.

    A slot that was begun but never finished may be taken again: rows are idempotent.
    """
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry_lease (site_id, shard, host_id, holder, epoch) VALUES (%s, %s, %s, '', 0)"
            " ON CONFLICT DO NOTHING",
            [site_id, shard, host_id],
        )
        cursor.execute(
            "SELECT holder, epoch, expires_at > clock_timestamp() FROM telemetry_lease"
            " WHERE site_id = %s AND shard = %s",
            [site_id, shard],
        )
        holder, epoch, is_running = cursor.fetchone()
        if is_running and not is_dead(holder):
            return None
        cursor.execute(
            "UPDATE telemetry_lease SET holder = %s, epoch = epoch + 1, slot_at = %s,"
            " expires_at = clock_timestamp() + make_interval(secs => %s)"
            " WHERE site_id = %s AND shard = %s AND epoch = %s AND NOT EXISTS ("
            "   SELECT 1 FROM telemetry_sweep s WHERE s.site_id = telemetry_lease.site_id"
            "   AND s.shard = telemetry_lease.shard AND s.slot_at = %s AND s.finished_at IS NOT NULL)"
            " AND (slot_at IS NULL OR slot_at <= %s) RETURNING epoch",
            [name := holder_name(), slot_at, LEASE_S, site_id, shard, epoch, slot_at, slot_at],
        )
        row = cursor.fetchone()
    return Lease(site_id, shard, slot_at, name, row[0]) if row else None


def renew(lease: Lease) -> None:
    """Prolong the lease inside the writer's transaction; LeaseLostError when the epoch has moved on.

    The row stays locked to the end of that transaction, so nobody takes over in the middle of a write.
    """
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "UPDATE telemetry_lease SET expires_at = clock_timestamp() + make_interval(secs => %s)"
            " WHERE site_id = %s AND shard = %s AND epoch = %s",
            [LEASE_S, lease.site_id, lease.shard, lease.epoch],
        )
        if cursor.rowcount != 1:
            raise LeaseLostError(f"shard {lease.site_id}/{lease.shard}: epoch {lease.epoch} is over")


def release(lease: Lease) -> None:
    """Give the shard back at once; nothing happens if it was lost already.

    A database that is restarting is waited for, so that the next slot finds the shard free.
    """
    for _ in range(RELEASE_TRIES):
        try:
            _release(lease)
        except (OperationalError, InterfaceError):
            connections[USING].close()
            time.sleep(RELEASE_PAUSE_S)
        else:
            return
    log.warning("shard %s/%s stays leased until it expires: no database", lease.site_id, lease.shard)


def _release(lease: Lease) -> None:
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "UPDATE telemetry_lease SET holder = '', expires_at = clock_timestamp()"
            " WHERE site_id = %s AND shard = %s AND epoch = %s",
            [lease.site_id, lease.shard, lease.epoch],
        )


def is_dead(holder: str) -> bool:
    """Whether the holder was a process of this host that no longer runs."""
    host, _, rest = holder.partition("/")
    pid, _, started = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return _start_time(int(pid)) != started


def _start_time(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat (proc(5)): distinguishes a pid from a later process with the same number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]
