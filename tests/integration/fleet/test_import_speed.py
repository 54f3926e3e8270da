"""Sizes: a whole large fleet is read, checked and written in bulk (60,000 took 7 s on two cores)."""

from __future__ import annotations

import pytest

from hashinsight.accounts.choices import OrganizationKind
from hashinsight.accounts.services import create_organization
from hashinsight.core.scope import open_scope
from hosting.fleet.models import Miner
from hosting.fleet.services.imports import import_miners
from hosting.fleet.services.places import create_site
from hosting.simulator.fleet import build_fleet
from tests.support.cast import Cast
from tests.support.roles import as_role


@pytest.mark.parametrize("miners", [6000, pytest.param(60_000, marks=pytest.mark.slow)])
def test_a_whole_fleet_is_imported_in_bulk(cast: Cast, miners: int) -> None:
    fleet = build_fleet(miners, seed=1, sites=1)
    kind = OrganizationKind.CUSTOMER
    for customer in fleet.customers:
        create_organization(actor=None, kind=kind, name=customer.name, slug=customer.slug, host=cast.host)
    plan = fleet.sites[0]
    scope = cast.scope("owner")
    site = create_site(
        actor=cast.owner, scope=scope, name=plan.name, slug=plan.slug, address_ranges=[plan.network]
    )
    content = fleet.to_csv(plan.slug).encode()
    changed = content.replace(b",mining", b",sleeping")
    with as_role("hi_web"), open_scope(scope):
        for body, expected in (
            (content, (miners, 0, 0)),
            (content, (0, 0, miners)),
            (changed, (0, miners, 0)),
        ):
            report = import_miners(actor=cast.owner, scope=scope, site=site, content=body)
            assert (report.created, report.changed, report.unchanged) == expected, report.problems[:3]
        assert Miner.objects.filter(site=site).count() == miners
