"""Admins whose saves and deletions stand in the audit trail, with what was before and after."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from hashinsight.audit.services import record
from hashinsight.backoffice.admin import ModelAdmin
from hashinsight.core.scope import current_scope

M = TypeVar("M", bound=Model)


class AuditedAdmin(ModelAdmin[M]):
    """Writes ``<model>.create``, ``.change`` and ``.delete``. Choices are those in view."""

    def save_model(self, request: HttpRequest, obj: M, form: ModelForm[M], change: bool) -> None:
        """Save and record, in the request's transaction."""
        before, after = changed_values(form)
        super().save_model(request, obj, form, change)
        self.record(request, obj, "change" if change else "create", before if change else None, after)

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        """Record and delete."""
        self.record(request, obj, "delete", {"name": str(obj)}, None)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        """Record each and delete them."""
        for obj in queryset:
            self.record(request, obj, "delete", {"name": str(obj)}, None)
        super().delete_queryset(request, queryset)

    def record(
        self,
        request: HttpRequest,
        obj: M,
        verb: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        """One entry in the trail; a change that changed nothing leaves none."""
        if verb == "change" and not before and not after:
            return
        scope = current_scope()
        host_id = getattr(obj, "host_id", None) or (scope.host_id if scope else None)
        record(
            actor=request.user,
            action=f"{obj._meta.model_name}.{verb}",
            target=obj,
            host_id=host_id,
            organization_id=getattr(obj, "organization_id", None) or host_id,
            before=before,
            after=after,
        )

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Choices come from the other thing's own admin, which shows the caller's rows only."""
        self._limit(db_field, request, kwargs)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """As for single choices."""
        self._limit(db_field, request, kwargs)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _limit(self, db_field: Any, request: HttpRequest, kwargs: dict[str, Any]) -> None:
        other = self.admin_site._registry.get(db_field.remote_field.model)
        if other is not None:
            kwargs.setdefault("queryset", other.get_queryset(request))


def changed_values(form: ModelForm[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(before, after) of the changed fields, without passwords, as plain JSON."""
    names = [name for name in form.changed_data if "password" not in name]
    before = {name: _plain(form.initial.get(name)) for name in names}
    return before, {name: _plain(form.cleaned_data.get(name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, QuerySet | list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
