"""Which database role may do what with which table; applied after every ``migrate``.

One place instead of GRANTs strewn over migrations. Partitions get no grants at all: they are reached
through their parent, where the row-level policies stand.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db import connections
from psycopg import sql

READ: Final = ("SELECT",)
ADD: Final = ("SELECT", "INSERT")
WRITE: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
NOTHING: Final[tuple[str, ...]] = ()

# First match wins; a prefix ends in "*".
RULES: Final[dict[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "web": (
        ("audit_entry", ADD),
        ("telemetry_claim", WRITE),
        ("telemetry_lease", NOTHING),
        ("telemetry_*", READ),
        ("django_migrations", READ),
        ("*", WRITE),
    ),
    "worker": (
        ("audit_entry", ADD),
        ("telemetry_claim", WRITE),
        ("telemetry_lease", NOTHING),
        ("telemetry_*", READ),
        ("django_migrations", READ),
        ("*", WRITE),
    ),
    "telemetry": (
        ("telemetry_*", WRITE),
        ("fleet_*", READ),
        ("accounts_organization", READ),
        ("*", NOTHING),
    ),
}


def privileges(role: str, table: str) -> tuple[str, ...]:
    """What ``role`` (web, worker, telemetry) may do with ``table``."""
    for pattern, allowed in RULES[role]:
        if pattern == table or (pattern.endswith("*") and table.startswith(pattern[:-1])):
            return allowed
    return NOTHING


def apply(**signal: Any) -> None:
    """Set the grants of all tables as RULES say (receiver of ``post_migrate``). Safe to repeat."""
    with connections[signal.get("using", "default")].cursor() as cursor:
        cursor.execute(
            "SELECT relname, relkind, relispartition FROM pg_class"
            " JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE n.nspname = 'public' AND relkind IN ('r', 'p', 'S') ORDER BY relname"
        )
        relations = cursor.fetchall()
        for role, name in settings.DB_ROLE_NAMES.items():
            who = sql.Identifier(name)
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(who))
            for relation, kind, is_partition in relations:
                thing = sql.Identifier("public", relation)
                word = sql.SQL("SEQUENCE" if kind == "S" else "TABLE")
                cursor.execute(sql.SQL("REVOKE ALL ON {} {} FROM {}").format(word, thing, who))
                allowed = ("USAGE", "SELECT") if kind == "S" else privileges(role, relation)
                if allowed and not is_partition:
                    words = sql.SQL(", ").join(sql.SQL(item) for item in allowed)
                    cursor.execute(sql.SQL("GRANT {} ON {} {} TO {}").format(words, word, thing, who))
