"""Reads of sites and miners: the scope first, and a stranger's thing is not found (404), never forbidden."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from hashinsight.core.errors import NotFoundError
from hashinsight.core.scope import Scope
from hosting.fleet.models import Miner, Site, SiteAssignment


def assigned_site_ids(user_id: int) -> frozenset[int]:
    """The sites that a member of staff with the role “user” works on."""
    return frozenset(SiteAssignment.objects.filter(user_id=user_id).values_list("site_id", flat=True))


def miners(scope: Scope) -> QuerySet[Miner]:
    """The miners in view: the host's, or the organization's own, at the sites in view."""
    rows = Miner.objects.filter(host_id=scope.host_id)
    if scope.organization_id is not None:
        rows = rows.filter(organization_id=scope.organization_id)
    if scope.site_ids is not None:
        rows = rows.filter(site_id__in=scope.site_ids)
    return rows


def sites(scope: Scope) -> QuerySet[Site]:
    """The sites in view by name: staff see theirs, a customer those where machines of his stand."""
    rows = Site.objects.filter(host_id=scope.host_id)
    if scope.site_ids is not None:
        rows = rows.filter(pk__in=scope.site_ids)
    if scope.organization_id is not None:
        own = Miner.objects.filter(site_id=OuterRef("pk"), organization_id=scope.organization_id)
        rows = rows.filter(Exists(own))
    return rows.order_by("name", "pk")


def access_site(scope: Scope, public_id: str) -> Site:
    """The site, if it is in view. Raises NotFoundError (404)."""
    site = sites(scope).filter(public_id=public_id).first()
    if site is None:
        raise NotFoundError(_("There is no such site."))
    return site


def access_miner(scope: Scope, public_id: str) -> Miner:
    """The miner with its site, slot, model and owner, if it is in view. Raises NotFoundError (404)."""
    rows = miners(scope).select_related("site", "slot__rack__zone", "model", "organization")
    miner = rows.filter(public_id=public_id).first()
    if miner is None:
        raise NotFoundError(_("There is no such miner."))
    return miner
