"""The inventory of a site as the CSV import compares with it and as the export writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Self

from django.db.models import F

from hashinsight.accounts.choices import OrganizationKind
from hashinsight.accounts.models import Organization
from hashinsight.core.scope import Scope
from hosting.fleet.domain.import_plan import Inventory, Known, Place
from hosting.fleet.models import Miner, MinerModel, Rack, Site, Slot, Zone

_PLACE = ("slot__rack__zone__name", "slot__rack__name", "slot__row", "slot__position")


def import_inventory(scope: Scope, site: Site) -> Inventory:
    """Everything that an import into ``site`` is checked against, within ``scope``."""
    host = scope.host_id
    customers = Organization.objects.filter(host_id=host, kind=OrganizationKind.CUSTOMER)
    owners = dict(customers.values_list("slug", "pk"))
    owners.update(Organization.objects.filter(pk=host).values_list("slug", "pk"))
    places = Places.of(site)
    models = MinerModel.objects.values_list("slug", "pk", "dialect")
    return Inventory(
        host_id=host,
        site_id=site.pk,
        site_slug=site.slug,
        ranges=tuple(IPv4Network(net) for net in site.address_ranges),
        site_names=dict(Site.objects.filter(host_id=host).values_list("pk", "name")),
        models={slug: (pk, dialect) for slug, pk, dialect in models},
        customers=owners,
        miners=tuple(_known(scope, places)),
        zones=frozenset(places.zones),
        racks=frozenset(places.racks),
        slots=frozenset(places.slots),
    )


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one site by name, with their row numbers.

    Joined here and not in SQL: right after a large import PostgreSQL has no statistics of these tables
    yet, and its guesses make such joins quadratic.
    """

    zones: dict[str, int]
    racks: dict[tuple[str, str], int]
    slots: dict[Place, int]

    @classmethod
    def of(cls, site: Site) -> Self:
        """Read them all: three plain queries."""
        zones = dict(Zone.objects.filter(site=site).order_by().values_list("pk", "name"))
        racks = {
            pk: (zones[zone_id], name)
            for pk, zone_id, name in Rack.objects.filter(site=site)
            .order_by()
            .values_list("pk", "zone_id", "name")
        }
        slots = Slot.objects.filter(site=site).order_by().values_list("pk", "rack_id", "row", "position")
        return cls(
            zones={name: pk for pk, name in zones.items()},
            racks={name: pk for pk, name in racks.items()},
            slots={(*racks[rack_id], row, position): pk for pk, rack_id, row, position in slots},
        )


def _known(scope: Scope, places: Places) -> Iterator[Known]:
    fields = (
        "pk", "public_id", "site_id", "slot_id", "model_id", "mac", "serial", "address", "port", "http_port",
        "dialect", "organization_id", "worker", "desired_state",
    )  # fmt: skip
    by_slot = {pk: place for place, pk in places.slots.items()}
    rows = Miner.objects.filter(host_id=scope.host_id).order_by().values_list(*fields)
    for pk, name, site_id, slot_id, *values in rows:
        yield Known(pk, name, site_id, by_slot.get(slot_id), *values)


def inventory_cells(scope: Scope, site: Site) -> Iterator[tuple[Any, ...]]:
    """The cells of each miner of ``site`` in the order of ``csv_export.HEADER``, by place."""
    miners = Miner.objects.filter(host_id=scope.host_id, site=site)
    if scope.organization_id is not None:
        miners = miners.filter(organization_id=scope.organization_id)
    fields = (
        "site__slug", *_PLACE, "model__slug", "mac", "serial", "address", "port", "organization__slug",
        "worker", "desired_state", "http_port", "dialect", "organization_id",
    )  # fmt: skip
    ordered = miners.order_by(*(F(name).asc(nulls_last=True) for name in _PLACE), "mac")
    for *cells, owner_id in ordered.values_list(*fields):
        if owner_id == scope.host_id:
            cells[10] = ""  # the host's own machines carry no customer
        yield tuple(cells)
