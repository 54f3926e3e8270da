"""Locks across processes: PostgreSQL advisory locks by name, held until the transaction ends."""

from __future__ import annotations

import hashlib

from django.db import connections


def lock_key(name: str) -> int:
    """A signed 64-bit key for ``name``, the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def hold(name: str, *, using: str = "default") -> None:
    """Wait for the lock ``name`` and hold it to the end of the present transaction."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key(name)])


def try_hold(name: str, *, using: str = "default") -> bool:
    """Take the lock ``name`` if it is free; False (at once) if another holds it."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_key(name)])
        row = cursor.fetchone()
    return bool(row and row[0])
