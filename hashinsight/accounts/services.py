"""Writes of accounts: one service, one transaction, an audit row with it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from hashinsight.accounts.choices import OrganizationKind
from hashinsight.accounts.models import Membership, Organization, User
from hashinsight.accounts.permissions import ROLES_OF_KIND, STAFF_ROLES
from hashinsight.audit.services import record
from hashinsight.core.errors import InvalidInputError


@transaction.atomic
def create_organization(
    *, actor: Any, kind: OrganizationKind, name: str, host: Organization | None = None, slug: str = ""
) -> Organization:
    """Create a host (``host`` None) or a customer or partner of ``host``.

    Raises InvalidInputError when kind and host do not fit.
    """
    if (kind == OrganizationKind.HOST) != (host is None):
        raise InvalidInputError(_("A customer or partner belongs to a host; a host belongs to none."))
    organization = Organization.objects.create(kind=kind, name=name, slug=slug or slugify(name), host=host)
    record(
        actor=actor,
        action="organization.create",
        target=organization,
        host_id=organization.host_pk,
        organization_id=organization.pk,
        after={"kind": kind, "name": name},
    )
    return organization


@transaction.atomic
def create_person(
    *, actor: Any, email: str, name: str, password: str | None, organization: Organization, role: str
) -> User:
    """Create a user who is a member of ``organization`` from the start (nobody is without one).

    ``password`` None = none can be used to sign in. Raises InvalidInputError for an address that is taken
    or a role that does not fit.
    """
    if User.objects.filter(email__iexact=email).exists():
        raise InvalidInputError(_("Somebody with the e-mail address %(email)s exists.") % {"email": email})
    user = User.objects.create_user(email, password, name=name)
    record(
        actor=actor,
        action="user.create",
        target=user,
        host_id=organization.host_pk,
        organization_id=organization.pk,
        after={"email": user.email, "name": name},
    )
    add_member(actor=actor, user=user, organization=organization, role=role)
    return user


@transaction.atomic
def remove_member(*, actor: Any, membership: Membership) -> None:
    """End a membership. The person's newest other one becomes current instead, if any."""
    user, organization = membership.user, membership.organization
    record(
        actor=actor,
        action="member.remove",
        target=membership,
        host_id=organization.host_pk,
        organization_id=organization.pk,
        before={"user_id": user.pk, "role": membership.role},
    )
    was_current = membership.is_current
    membership.delete()
    if was_current:
        other = user.memberships.order_by("-pk").first()
        if other is not None:
            Membership.objects.filter(pk=other.pk).update(is_current=True)
        _take_on(user, other.role if other else None)


@transaction.atomic
def add_member(*, actor: Any, user: User, organization: Organization, role: str) -> Membership:
    """Give ``user`` a ``role`` in ``organization`` and make that the current membership.

    The Django group of the role is set too, so that the back office sees it. Raises InvalidInputError
    for a role that this kind of organization does not have.
    """
    if role not in ROLES_OF_KIND[organization.kind]:
        raise InvalidInputError(
            _("The role “%(role)s” does not exist in a %(kind)s.")
            % {"role": role, "kind": organization.get_kind_display()}
        )
    Membership.objects.filter(user=user, is_current=True).update(is_current=False)
    membership, _created = Membership.objects.update_or_create(
        user=user, organization=organization, defaults={"role": role, "is_current": True}
    )
    _take_on(user, role)
    record(
        actor=actor,
        action="member.add",
        target=membership,
        host_id=organization.host_pk,
        organization_id=organization.pk,
        after={"user_id": user.pk, "role": role},
    )
    return membership


def _take_on(user: User, role: str | None) -> None:
    """What follows from a role for the back office: staff or not, and the group of the same name."""
    user.is_staff = user.is_superuser or role in STAFF_ROLES
    user.save(update_fields=["is_staff"])
    user.groups.set([] if role is None else [Group.objects.get_or_create(name=role)[0]])
