"""Open address claims of a site."""

# ruff: noqa: S608 -- the queries are put together from constants of ours; every value is a parameter.

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hashinsight.core.scope import Scope
from hosting.fleet.models import Site
from hosting.telemetry.selectors.rows import fetch

SHOWN: Final = 50
_OPEN: Final = (
    "SELECT c.public_id, host(c.address), c.port, c.mac_seen, c.first_seen_at, c.last_seen_at,"
    " m.public_id, COALESCE(NULLIF(m.serial, ''), m.mac), m.mac, f.public_id,"
    " COALESCE(NULLIF(f.serial, ''), f.mac), count(*) OVER ()"
    " FROM telemetry_claim c LEFT JOIN fleet_miner m ON m.id = c.miner_id AND m.site_id = c.site_id"
    " LEFT JOIN fleet_miner f ON f.id = c.found_miner_id"
    " WHERE c.site_id = %(site_id)s AND c.host_id = %(host_id)s AND c.state = 'open'"
    " AND (%(organization_id)s::bigint IS NULL OR c.organization_id = %(organization_id)s)"
    f" ORDER BY c.last_seen_at DESC, c.id LIMIT {SHOWN}"
)


@dataclass(slots=True)
class Claim:
    """At ``address`` the machine ``miner_name`` should answer, but ``mac_seen`` does."""

    public_id: str
    address: str
    port: int
    mac_seen: str
    first_seen_at: datetime
    last_seen_at: datetime
    miner_public_id: str | None
    miner_name: str | None
    miner_mac: str | None
    found_public_id: str | None
    found_name: str | None
    total: int


def open_claims(scope: Scope, site: Site) -> list[Claim]:
    """The newest open claims; ``total`` on each counts all."""
    values = {"site_id": site.pk, "host_id": scope.host_id, "organization_id": scope.organization_id}
    return fetch(Claim, _OPEN, values)
