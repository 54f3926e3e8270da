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
    user.is_staff = role in STAFF_ROLES
    user.save(update_fields=["is_staff"])
    user.groups.set([Group.objects.get_or_create(name=role)[0]])
    record(
        actor=actor,
        action="member.add",
        target=membership,
        host_id=organization.host_pk,
        organization_id=organization.pk,
        after={"user_id": user.pk, "role": role},
    )
    return membership
