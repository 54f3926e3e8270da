"""Tenancy: whose data the running code may touch.

``open_scope`` opens a transaction and tells PostgreSQL (by settings local to that transaction) which
host, organization and sites are in view; row-level security policies read them. Outside a scope the
web and worker roles see no tenant row at all. Who has which scope is answered by a provider above
(``settings.SCOPE_PROVIDER``), so that imports keep pointing down.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.db import connections, transaction
from django.utils.module_loading import import_string

from hashinsight.core.errors import ScopeError


@dataclass(frozen=True, slots=True)
class Scope:
    """What one actor may see.

    ``organization_id`` None = the whole host; ``site_ids`` None = every site of the host.
    ``actions`` are the permission codes of the actor's role.
    """

    host_id: int
    organization_id: int | None
    site_ids: frozenset[int] | None
    actor_id: int | None
    role: str
    actions: frozenset[str]

    @property
    def is_host_wide(self) -> bool:
        """True for the host's own staff, False for a customer's or partner's people."""
        return self.organization_id is None

    def may(self, action: str) -> bool:
        """Whether the role allows ``action``."""
        return action in self.actions


_current: ContextVar[Scope | None] = ContextVar("hi_scope", default=None)


def current_scope() -> Scope | None:
    """The scope that is open here, if any."""
    return _current.get()


def require_scope() -> Scope:
    """The open scope; raises ScopeError when there is none."""
    scope = _current.get()
    if scope is None:
        raise ScopeError("no scope is open: wrap the call in core.scope.open_scope(...)")
    return scope


@contextmanager
def open_scope(scope: Scope, *, using: str = "default") -> Iterator[Scope]:
    """Run the block inside a transaction that sees just ``scope``.

    An equal scope may be nested; another one raises ScopeError, since the transaction holds one view.
    """
    outer = _current.get()
    if outer is not None:
        if outer != scope:
            raise ScopeError("another scope is already open in this transaction")
        with transaction.atomic(using=using):
            yield scope
        return
    with transaction.atomic(using=using):
        _set_variables(using, scope)
        token = _current.set(scope)
        try:
            yield scope
        finally:
            _current.reset(token)
        if connections[using].savepoint_ids and not connections[using].needs_rollback:
            # Inside a caller's transaction the settings would outlive the scope (a rollback undoes them).
            _clear_variables(using)


def _clear_variables(using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('hi.host_id', '', true), set_config('hi.organization_id', '', true),"
            " set_config('hi.site_ids', '', true)"
        )


def _set_variables(using: str, scope: Scope) -> None:
    sites = "" if scope.site_ids is None else ",".join(str(pk) for pk in sorted(scope.site_ids)) or "0"
    organization = "" if scope.organization_id is None else str(scope.organization_id)
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('hi.host_id', %s, true), set_config('hi.organization_id', %s, true),"
            " set_config('hi.site_ids', %s, true)",
            [str(scope.host_id), organization, sites],
        )


def scope_of(user: Any) -> Scope | None:
    """The scope of a signed-in user's current membership, or None when there is none."""
    return cast("Scope | None", _provider(settings.SCOPE_PROVIDER)(user))


@lru_cache(maxsize=8)
def _provider(path: str) -> Any:
    return import_string(path)
