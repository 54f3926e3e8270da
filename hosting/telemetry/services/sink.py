"""Writing a batch of outcomes: samples by binary COPY, live state by one upsert, all or nothing.

Everything runs on the ``telemetry`` connection, whose role bypasses row-level security (COPY is refused
under a policy). The lease's epoch is checked inside the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connections, transaction
from psycopg.errors import UniqueViolation

from hosting.telemetry.domain.rows import LIVE_EXTRA_COLUMNS, SAMPLE_COLUMNS
from hosting.telemetry.services import leases
from hosting.telemetry.services.leases import USING, Lease

# A reading's columns, then what it means for the attempt.
_READ_COLUMNS: Final = (*SAMPLE_COLUMNS, *LIVE_EXTRA_COLUMNS, ("identity", "int2"), ("control_held", "bool"))
# What a try tells about the miner's own address.
_TRIED_COLUMNS: Final = (
    ("miner_id", "int4"),
    ("site_id", "int4"),
    ("host_id", "int4"),
    ("organization_id", "int4"),
    ("slot_at", "timestamptz"),
    ("attempted_at", "timestamptz"),
    ("miss_cause", "int2"),
    ("misses", "int4"),
    ("next_due_at", "timestamptz"),
    ("joined_refused", "bool"),
    ("identity", "int2"),
    ("control_held", "bool"),
    ("address_key", "text"),
    ("address_mac", "text"),
    ("address_checked_at", "timestamptz"),
    ("address_uptime_s", "int4"),
    ("address_seen_at", "timestamptz"),
)


@dataclass(slots=True)
class Batch:
    """Rows to write: readings (sample + live extra + identity), tries, and claims."""

    readings: list[tuple[Any, ...]] = field(default_factory=list)
    tries: list[tuple[Any, ...]] = field(default_factory=list)
    claims: list[tuple[Any, ...]] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)


def write(lease: Lease, batch: Batch) -> int:
    """Store ``batch`` in one transaction; returns how many samples were new.

    Raises LeaseLostError when another worker took the shard over; nothing is written then.
    """
    with transaction.atomic(using=USING):
        leases.renew(lease)
        with connections[USING].cursor() as cursor:
            stored = _copy_samples(cursor, batch.readings)
            _upsert(cursor, "hi_tried", _TRIED_COLUMNS, batch.tries)
            _upsert(cursor, "hi_read", _READ_COLUMNS, batch.readings)
            _claims(cursor, lease, batch)
    return stored


def _copy_samples(cursor: Any, rows: Sequence[tuple[Any, ...]]) -> int:
    """COPY straight into the day's partition; a row that is there already (the sweep ran twice) stays."""
    width = len(SAMPLE_COLUMNS)
    samples = [row[:width] for row in rows]
    if not samples:
        return 0
    names = ", ".join(name for name, _ in SAMPLE_COLUMNS)
    try:
        with transaction.atomic(using=USING):
            _copy(cursor, f"telemetry_sample ({names})", SAMPLE_COLUMNS, samples)
        return len(samples)
    except UniqueViolation:
        _stage(cursor, "hi_sample", SAMPLE_COLUMNS, samples)
        cursor.execute(
            f"INSERT INTO telemetry_sample ({names}) SELECT {names} FROM hi_sample ON CONFLICT DO NOTHING"  # noqa: S608
        )
        return int(cursor.rowcount)


def _upsert(
    cursor: Any, stage: str, columns: tuple[tuple[str, str], ...], rows: list[tuple[Any, ...]]
) -> None:
    if not rows:
        return
    _stage(cursor, stage, columns, rows)
    wanted = [name for name, _ in columns]
    values = [f"{name}::jsonb" if name == "detail" else name for name in wanted]
    if stage == "hi_read":
        wanted += ["attempted_at", "miss_cause", "misses", "next_due_at"]
        values += ["sampled_at", "NULL", "0", "NULL"]
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in wanted if name != "miner_id")
    defaults = [name for name in _LIVE_DEFAULTS if name not in wanted]
    cursor.execute(
        f"INSERT INTO telemetry_live ({', '.join([*wanted, *defaults])})"  # noqa: S608
        f" SELECT {', '.join([*values, *(_LIVE_DEFAULTS[name] for name in defaults)])} FROM {stage}"
        f" ON CONFLICT (miner_id) DO UPDATE SET {changes}"
    )


# What a first row of a miner holds in the columns that the statement does not speak of.
_LIVE_DEFAULTS: Final = {
    "misses": "0",
    "mode": "0",
    "power_source": "0",
    "firmware": "''",
    "detail": "'{}'",
    "repairs": "0",
    "joined_refused": "false",
    "identity": "0",
    "control_held": "false",
    "address_key": "''",
    "address_mac": "''",
}


def _stage(
    cursor: Any, name: str, columns: tuple[tuple[str, str], ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Fill the temporary table ``name`` with ``rows``."""
    fields = ", ".join(f"{column} {kind}" for column, kind in columns)
    cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} ({fields}) ON COMMIT DELETE ROWS")
    cursor.execute(f"TRUNCATE {name}")
    _copy(cursor, f"{name} ({', '.join(column for column, _ in columns)})", columns, rows)


def _copy(
    cursor: Any, into: str, columns: tuple[tuple[str, str], ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    with cursor.copy(f"COPY {into} FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([kind for _, kind in columns])
        for row in rows:
            copy.write_row(row)


def _claims(cursor: Any, lease: Lease, batch: Batch) -> None:
    """Open or refresh claims; close those of machines that answer again where they should.

    With them go the claims of the same machines at other addresses, unless they were seen there as well.
    """
    if batch.claims:
        cursor.executemany(
            "INSERT INTO telemetry_claim (public_id, host_id, site_id, organization_id, miner_id, address,"
            " port, mac_seen, found_miner_id, state, first_seen_at, last_seen_at)"
            " SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, 'open', %s, %s"
            " WHERE NOT EXISTS (SELECT 1 FROM telemetry_claim WHERE site_id = %s AND miner_id = %s"
            "   AND mac_seen = %s AND address = %s AND port = %s AND state = 'dismissed')"
            " ON CONFLICT (site_id, miner_id, mac_seen) WHERE state = 'open'"
            " DO UPDATE SET last_seen_at = EXCLUDED.last_seen_at, found_miner_id = EXCLUDED.found_miner_id,"
            " address = EXCLUDED.address, port = EXCLUDED.port",
            batch.claims,
        )
    if batch.settled:
        cursor.execute(
            "UPDATE telemetry_claim SET state = 'resolved', closed_at = clock_timestamp()"
            " WHERE site_id = %s AND state = 'open' AND (miner_id = ANY(%s)"
            "  OR (found_miner_id = ANY(%s) AND last_seen_at < %s))",
            [lease.site_id, batch.settled, batch.settled, lease.slot_at],
        )
