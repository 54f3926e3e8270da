"""Writes of sites: making one, and who works there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from hashinsight.audit.services import record
from hashinsight.core.errors import InvalidInputError, NotAllowedError
from hashinsight.core.scope import Scope
from hosting.fleet.models import Site, SiteAssignment


def require_whole_host(scope: Scope) -> None:
    """Raise NotAllowedError unless ``scope`` is the host's own staff with every site in view."""
    if not scope.is_host_wide or scope.site_ids is not None:
        raise NotAllowedError(_("Only the host's owner or admin may change sites."))


@transaction.atomic
def create_site(
    *,
    actor: Any,
    scope: Scope,
    name: str,
    slug: str = "",
    timezone: str = "UTC",
    capacity_w: int | None = None,
    address_ranges: Sequence[str] = (),
    is_polled: bool = True,
) -> Site:
    """Create a site of the scope's host.

    ``capacity_w`` in W, None = unknown; ``address_ranges`` are IPv4 networks such as 10.1.0.0/16.
    Raises NotAllowedError for a scope that is not the whole host, InvalidInputError for bad or taken values.
    """
    require_whole_host(scope)
    site = Site(
        host_id=scope.host_id,
        name=name,
        slug=slug or slugify(name),
        timezone=timezone,
        capacity_w=capacity_w,
        address_ranges=list(address_ranges),
        is_polled=is_polled,
    )
    try:
        site.full_clean()
    except ValidationError as error:
        raise InvalidInputError(" ".join(error.messages)) from error
    site.save()
    record(
        actor=actor,
        action="site.create",
        target=site,
        host_id=scope.host_id,
        organization_id=scope.host_id,
        after={
            "name": name,
            "timezone": timezone,
            "capacity_w": capacity_w,
            "address_ranges": site.address_ranges,
        },
    )
    return site


@transaction.atomic
def assign_site(*, actor: Any, scope: Scope, user: Any, site: Site) -> SiteAssignment:
    """Let ``user`` (a member of staff with the role “user”) work on ``site``; harmless when he does already.

    Raises NotAllowedError for a scope that is not the whole host or a site of another host,
    InvalidInputError for a person who is not of the host's staff.
    """
    require_whole_host(scope)
    if site.host_id != scope.host_id:
        raise NotAllowedError(_("This site belongs to another host."))
    if not user.memberships.filter(organization_id=scope.host_id).exists():
        raise InvalidInputError(
            _("%(user)s is not a member of the host.") % {"user": user},
            remedy=_("Add the person as a member first."),
        )
    assignment, created = SiteAssignment.objects.get_or_create(user=user, site=site)
    if created:
        record(
            actor=actor,
            action="site.assign",
            target=site,
            host_id=scope.host_id,
            organization_id=scope.host_id,
            after={"user_id": user.pk},
        )
    return assignment
