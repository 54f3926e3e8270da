"""Cleaning the test database after tests with real transactions.

Django's own flush would fail (the audit trail refuses TRUNCATE), forget the partitioned samples (their
model is not managed) and throw away what migrations wrote (the catalogue of miner models). So
``install_wipe`` puts one of ours in its place. It does not undo changes to the rows that it keeps.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from psycopg import sql

# Written by migrations, needed by every test.
KEPT = frozenset(
    {
        "django_migrations",
        "django_content_type",
        "auth_permission",
        "auth_group",
        "auth_group_permissions",
        "fleet_minermodel",
    }
)
_last_kept: dict[str, int] = {}

_TABLES = """
SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE n.nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition
"""


def install_wipe() -> None:
    """Clean by ``wipe`` after each test with real transactions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM fleet_minermodel")
        _last_kept["fleet_minermodel"] = cursor.fetchone()[0]
    TransactionTestCase._fixture_teardown = _teardown  # type: ignore[attr-defined]


def _teardown(case: Any) -> None:
    wipe()


def wipe() -> None:
    """Empty every table but those of KEPT, and take out of these what was added after the migrations."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(_TABLES)
        tables = sorted({row[0] for row in cursor.fetchall()} - KEPT)
        names = sql.SQL(", ").join(sql.Identifier(name) for name in tables)
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        cursor.execute(sql.SQL("TRUNCATE {}").format(names))
        cursor.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
        for table, last in _last_kept.items():
            cursor.execute(sql.SQL("DELETE FROM {} WHERE id > %s").format(sql.Identifier(table)), [last])


def connect_as(role: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection of its own to the test database; ``role``: web, worker, telemetry or migrate."""
    variable = "DATABASE_URL" if role == "migrate" else f"DATABASE_{role.upper()}_URL"
    return psycopg.connect(os.environ[variable], dbname=connection.settings_dict["NAME"])


def forget_cache() -> None:
    """Empty this process's part of the cache (``cache.clear`` would empty those of parallel tests too)."""
    client = redis.Redis.from_url(settings.REDIS_CACHE_URL)
    prefix = settings.CACHES["default"]["KEY_PREFIX"]
    for key in client.scan_iter(match=f"{prefix}:*", count=1000):
        client.delete(key)
    client.close()
