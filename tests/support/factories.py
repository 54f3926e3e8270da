"""Plain functions that make rows for tests. Run them as the owner (outside ``as_web``)."""

from __future__ import annotations

import itertools
from typing import Any

from hashinsight.accounts.models import Organization
from hosting.fleet.choices import Dialect
from hosting.fleet.models import Miner, MinerModel, Rack, Site, Slot, Zone

_numbers = itertools.count(1)


def make_model(slug: str = "", **fields: Any) -> MinerModel:
    """A miner model of its own, or the one that already has ``slug``."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "maker": "Acme",
        "name": f"Hasher {number}",
        "dialect": Dialect.ANTMINER,
        "nominal_ths": 100.0,
        "nominal_w": 3000,
    }
    model, _created = MinerModel.objects.get_or_create(
        slug=slug or f"acme-hasher-{number}", defaults={**values, **fields}
    )
    return model


def make_site(host: Organization, **fields: Any) -> Site:
    """A site with the range 10.0.0.0/8."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "name": f"Site {number}",
        "slug": f"site-{number}",
        "address_ranges": ["10.0.0.0/8"],
    }
    return Site.objects.create(host=host, **{**values, **fields})


def make_zone(site: Site, name: str = "") -> Zone:
    """A zone of ``site``."""
    return Zone.objects.create(host_id=site.host_id, site=site, name=name or f"Zone {next(_numbers)}")


def make_rack(zone: Zone, name: str = "") -> Rack:
    """A rack in ``zone``."""
    return Rack.objects.create(
        host_id=zone.host_id, site_id=zone.site_id, zone=zone, name=name or f"R{next(_numbers)}"
    )


def make_slot(rack: Rack, row: int = 1, position: int = 1) -> Slot:
    """One place in ``rack``."""
    return Slot.objects.create(
        host_id=rack.host_id, site_id=rack.site_id, rack=rack, row=row, position=position
    )


def mac_of(number: int) -> str:
    """A MAC of a vendor's range, unique by ``number`` (below 2^24)."""
    return f"28:e2:97:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def make_miner(site: Site, organization: Organization | None = None, **fields: Any) -> Miner:
    """A miner on ``site`` that belongs to ``organization`` (the host itself when left out).

    Without ``slot`` it stands nowhere; address and MAC are unique in the session.
    """
    number = next(_numbers)
    base = site.address_ranges[0].split("/")[0].split(".") if site.address_ranges else ["10", "0"]
    values: dict[str, Any] = {
        "model": fields.get("model") or make_model("antminer-s21"),
        "mac": mac_of(number),
        "serial": f"SN{number:08d}",
        "address": f"{base[0]}.{base[1]}.{number >> 8 & 255}.{number & 255}",
        "worker": f"worker.{number}",
    }
    values = {**values, **fields}
    values.setdefault("dialect", values["model"].dialect)
    return Miner.objects.create(
        host_id=site.host_id,
        organization_id=organization.pk if organization else site.host_id,
        site=site,
        **values,
    )


def make_rack_of_miners(site: Site, count: int, organization: Organization | None = None) -> list[Miner]:
    """``count`` miners in the slots of one new rack (ten a row)."""
    rack = make_rack(make_zone(site))
    return [
        make_miner(site, organization, slot=make_slot(rack, index // 10 + 1, index % 10 + 1))
        for index in range(count)
    ]
