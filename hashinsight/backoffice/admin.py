"""Bases for every admin of the back office. The admin theme is imported here and nowhere else.

``class MinerAdmin(ModelAdmin[Miner])``; the row-level policies stand behind it, and rows that carry a
``host_id`` are filtered by the caller's scope first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.admin import action, display, register
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from hashinsight.core.scope import current_scope

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _ModelAdmin
    from django.contrib.admin import StackedInline as _StackedInline
    from django.contrib.admin import TabularInline as _TabularInline
else:
    from unfold import admin as theme

    class _Subscriptable:
        """Lets ``ModelAdmin[Miner]`` be written for the type checker; it is the class itself at run time."""

        def __class_getitem__(cls, item):
            return cls

    class _ModelAdmin(_Subscriptable, theme.ModelAdmin):
        pass

    class _StackedInline(_Subscriptable, theme.StackedInline):
        pass

    class _TabularInline(_Subscriptable, theme.TabularInline):
        pass


__all__ = [
    "ModelAdmin",
    "ReadOnlyModelAdmin",
    "StackedInline",
    "TabularInline",
    "action",
    "display",
    "register",
]

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model)


def _of_this_host(rows: QuerySet[M]) -> QuerySet[M]:
    """The rows of the open scope's host; without a scope none of those that belong to a host."""
    if not any(field.attname == "host_id" for field in rows.model._meta.concrete_fields):
        return rows
    scope = current_scope()
    return rows.none() if scope is None else rows.filter(host_id=scope.host_id)


class ModelAdmin(_ModelAdmin[M]):
    """The base of every admin: filtered by host, compact, asks before leaving an unsaved form."""

    list_per_page = 50
    list_fullwidth = True
    list_filter_submit = True
    warn_unsaved_form = True
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """Rows of the caller's own host."""
        return _of_this_host(super().get_queryset(request))


class ReadOnlyModelAdmin(ModelAdmin[M]):
    """For what must never be edited by hand: the audit trail, samples, closed documents."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class TabularInline(_TabularInline[M, P]):
    """Rows of a child table, one line each."""

    extra = 0
    show_change_link = True


class StackedInline(_StackedInline[M, P]):
    """Rows of a child table, one form each."""

    extra = 0
    show_change_link = True
