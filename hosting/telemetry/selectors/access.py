"""Fetching one thing for one caller. Strangers' things are not found: 404, never 403."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404

from hashinsight.core.scope import Scope
from hosting.fleet.choices import DesiredState
from hosting.fleet.models import Miner, Site


def sites_of(scope: Scope) -> QuerySet[Site]:
    """The sites that the caller may see: the host's (or those assigned), or where own machines stand."""
    sites = Site.objects.filter(host_id=scope.host_id)
    if scope.site_ids is not None:
        sites = sites.filter(pk__in=scope.site_ids)
    if scope.organization_id is not None:
        own = Miner.objects.filter(organization_id=scope.organization_id, host_id=scope.host_id)
        sites = sites.filter(pk__in=own.exclude(desired_state=DesiredState.RETIRED).values("site_id"))
    return sites.order_by("name", "pk")


def miners_of(scope: Scope) -> QuerySet[Miner]:
    """The machines that the caller may see, retired ones included."""
    miners = Miner.objects.filter(host_id=scope.host_id)
    if scope.site_ids is not None:
        miners = miners.filter(site_id__in=scope.site_ids)
    if scope.organization_id is not None:
        miners = miners.filter(organization_id=scope.organization_id)
    return miners


def access_site(scope: Scope, public_id: str) -> Site:
    """The site, or Http404."""
    site = sites_of(scope).filter(public_id=public_id).first()
    if site is None:
        raise Http404
    return site


def access_miner(scope: Scope, public_id: str) -> Miner:
    """The miner with its model, site, slot and owner, or Http404."""
    miner = (
        miners_of(scope)
        .select_related("model", "site", "organization", "slot__rack__zone")
        .filter(public_id=public_id)
        .first()
    )
    if miner is None:
        raise Http404
    return miner


def live_sites(scope: Scope) -> dict[int, str]:
    """Internal to public id of the sites whose news the caller may hear (the push's provider)."""
    return dict(sites_of(scope).values_list("pk", "public_id"))
