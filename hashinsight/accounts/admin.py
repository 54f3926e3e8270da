"""People and organizations in the back office: each host sees and changes its own only."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hashinsight.accounts import selectors, services
from hashinsight.accounts.choices import OrganizationKind
from hashinsight.accounts.forms import MembershipForm, OrganizationForm, PersonChangeForm, PersonForm
from hashinsight.accounts.models import Membership, Organization, User
from hashinsight.audit.adminlog import AuditedAdmin
from hashinsight.backoffice.admin import register
from hashinsight.backoffice.forms import AdminPasswordChangeForm
from hashinsight.core.scope import current_scope, require_scope

# Groups are made from code, addresses are the people's own: neither is edited here.
for _model in (Group, EmailAddress):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin[User]):  # type: ignore[type-arg]
    """People. Staff status and groups follow from memberships; superusers are changed by superusers."""

    add_form = PersonForm
    form = PersonChangeForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "memberships__role"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    filter_horizontal = ()
    readonly_fields = ["is_staff", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        (_("Access"), {"fields": ["is_active", "is_staff", "last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["email", "name", "password1", "password2", "organization", "role"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """People of the host's organizations; all of them for a superuser who has no membership yet."""
        scope = current_scope()
        rows = super().get_queryset(request)
        if scope is None:
            return rows if request.user.is_superuser else rows.none()
        return rows.filter(pk__in=selectors.people(scope).values("pk"))

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not for a superuser, nor for a person of another host too, unless the caller is a superuser."""
        if not super().has_change_permission(request, obj):
            return False
        scope = current_scope()
        if obj is None or request.user.is_superuser:
            return True
        return scope is not None and not obj.is_superuser and not selectors.is_shared(scope, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never: people are deactivated."""
        return False

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[User]]:
        """Offer the caller's own organizations to a new person."""
        form = super().get_form(request, obj, change=change, **kwargs)
        scope = current_scope()
        if obj is None and scope is not None:
            field: Any = form.base_fields["organization"]
            field.queryset = selectors.organizations(scope)
        return form

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """A new person by the service; a change with its audit row."""
        if change:
            super().save_model(request, obj, form, change)
            return
        data = form.cleaned_data
        user = services.create_person(
            actor=request.user,
            email=data["email"],
            name=data["name"],
            password=data.get("password1"),
            organization=data["organization"],
            role=data["role"],
        )
        obj.__dict__.update(user.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing beside: groups and memberships are set by services."""

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """A new password stands in the audit trail too (never the password)."""
        if "password" in str(message):
            self.record(request, obj, "password", None, None)
        return super().log_change(request, obj, message)


@register(Organization)
class OrganizationAdmin(AuditedAdmin[Organization]):
    """The host itself, its customers and its partners."""

    form = OrganizationForm
    list_display = ["name", "kind", "slug", "created_at"]
    list_filter = ["kind"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        """The caller's host with its customers and partners."""
        scope = current_scope()
        rows = Organization.objects.order_by("name")
        if scope is None:
            return rows if request.user.is_superuser else rows.none()
        return rows.filter(pk__in=selectors.organizations(scope).values("pk"))

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> list[str]:
        """The kind is chosen once."""
        return ["kind"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Organization, form: ModelForm[Organization], change: bool
    ) -> None:
        """A new one by the service; a change with its audit row."""
        if change:
            super().save_model(request, obj, form, change)
            return
        created = services.create_organization(
            actor=request.user,
            kind=OrganizationKind(form.cleaned_data["kind"]),
            name=form.cleaned_data["name"],
            slug=form.cleaned_data["slug"],
            host=Organization.objects.get(pk=require_scope().host_id),
        )
        obj.__dict__.update(created.__dict__)

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """Never: its history stays."""
        return False


@register(Membership)
class MembershipAdmin(AuditedAdmin[Membership]):
    """Who belongs where as what."""

    form = MembershipForm
    list_display = ["user", "organization", "role", "is_current", "created_at"]
    list_filter = ["role", "organization__kind"]
    list_select_related = ["user", "organization"]
    search_fields = ["user__email", "user__name", "organization__name"]
    autocomplete_fields = ["user", "organization"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Memberships in the caller's organizations."""
        scope = current_scope()
        rows = super().get_queryset(request)
        if scope is None:
            return rows if request.user.is_superuser else rows.none()
        return rows.filter(pk__in=selectors.memberships(scope).values("pk"))

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        """Only the role can be changed later."""
        return ["user", "organization"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Membership, form: ModelForm[Membership], change: bool
    ) -> None:
        """By the service, which also sets staff status, group and audit row."""
        member = services.add_member(
            actor=request.user, user=obj.user, organization=obj.organization, role=obj.role
        )
        obj.__dict__.update(member.__dict__)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """By the service."""
        services.remove_member(actor=request.user, membership=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """One after the other by the service."""
        for membership in queryset:
            services.remove_member(actor=request.user, membership=membership)
