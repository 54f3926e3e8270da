"""Running tests under the application's database roles, so that row-level security is real."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created
from django.test import Client
from psycopg import sql
from psycopg.pq import TransactionStatus

_FORGET = (
    "SELECT set_config('hi.host_id', '', true), set_config('hi.organization_id', '', true),"
    " set_config('hi.site_ids', '', true)"
)


@contextmanager
def as_role(role: str) -> Iterator[None]:
    """Run the block as the database role ``role``, starting without a scope.

    Uses the driver's connection directly, so that the switch is not counted among a test's queries.
    A test inside one transaction keeps variables that were set in it; they are cleared on both ends.
    """
    connection.ensure_connection()
    raw = connection.connection
    before = raw.execute("SELECT current_user").fetchone()[0]
    raw.execute(_FORGET)
    raw.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    try:
        yield
    finally:
        # A failed transaction is rolled back by whoever owns it, and the role with it.
        if not raw.closed and raw.info.transaction_status != TransactionStatus.INERROR:
            raw.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(before)))
            raw.execute(_FORGET)


class RoleClient(Client):
    """Django's test client; every request runs as hi_web."""

    def request(self, **request: Any) -> Any:
        """Send the request as hi_web."""
        with as_role("hi_web"):
            return super().request(**request)


@contextmanager
def threads_as_web() -> Iterator[None]:
    """Put each new ``default`` connection of other threads (a live server's) under hi_web."""
    main = threading.get_ident()

    def switch(connection: Any, **signal: Any) -> None:
        if connection.alias == "default" and threading.get_ident() != main:
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE hi_web")

    connection_created.connect(switch)
    try:
        yield
    finally:
        connection_created.disconnect(switch)
