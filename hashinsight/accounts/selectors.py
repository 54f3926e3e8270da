"""Reads of accounts."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.module_loading import import_string

from hashinsight.accounts.choices import Role
from hashinsight.accounts.models import Membership, Organization, User
from hashinsight.accounts.permissions import STAFF_ROLES, actions_of
from hashinsight.core.scope import Scope


def current_membership(user: Any) -> Membership | None:
    """The membership that the person acts under now, with its organization."""
    return Membership.objects.select_related("organization").filter(user_id=user.pk, is_current=True).first()


def scope_of(user: Any) -> Scope | None:
    """What the person may see now; None without a membership.

    Owner and admin of a host see all of it, its users the sites assigned to them, everybody else the
    rows of the own organization.
    """
    if not user.is_authenticated or not user.is_active:
        return None
    membership = current_membership(user)
    if membership is None:
        return None
    organization = membership.organization
    staff = membership.role in STAFF_ROLES and organization.host_id is None
    return Scope(
        host_id=organization.host_pk,
        organization_id=None if staff else organization.pk,
        site_ids=_sites(user.pk) if membership.role == Role.USER else None,
        actor_id=user.pk,
        role=membership.role,
        actions=actions_of(membership.role),
    )


def organizations(scope: Scope) -> QuerySet[Organization]:
    """The host itself with its customers and partners; a customer sees itself alone."""
    if scope.organization_id is not None:
        return Organization.objects.filter(pk=scope.organization_id)
    return Organization.objects.filter(Q(pk=scope.host_id) | Q(host_id=scope.host_id))


def memberships(scope: Scope) -> QuerySet[Membership]:
    """Who belongs to the organizations in view."""
    return Membership.objects.filter(organization__in=organizations(scope))


def people(scope: Scope) -> QuerySet[User]:
    """Users with a membership in an organization in view."""
    return User.objects.filter(Exists(memberships(scope).filter(user_id=OuterRef("pk"))))


def is_shared(scope: Scope, user: User) -> bool:
    """Whether the person also belongs to another host, whose business this one must not touch."""
    return user.memberships.exclude(organization__in=organizations(scope)).exists()


def system_scope(host: Organization) -> Scope:
    """The scope of the installation itself working for ``host``: commands and jobs that no person started."""
    return Scope(
        host_id=host.pk,
        organization_id=None,
        site_ids=None,
        actor_id=None,
        role="system",
        actions=actions_of(Role.OWNER),
    )


def _sites(user_id: int) -> frozenset[int]:
    return cast("frozenset[int]", import_string(settings.SITE_ASSIGNMENT_PROVIDER)(user_id))
