"""Lists of miners with their state, and one miner in full."""

# ruff: noqa: S608 -- the queries are put together from constants of ours; every value is a parameter.

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from hashinsight.core.scope import Scope
from hosting.fleet.models import Miner, Site
from hosting.telemetry.choices import MissCause
from hosting.telemetry.domain.status import Reason, Status
from hosting.telemetry.models import Live
from hosting.telemetry.selectors import status as sql
from hosting.telemetry.selectors import words
from hosting.telemetry.selectors.rows import fetch
from hosting.telemetry.selectors.summary import SHORTFALL

PAGE_SIZE: Final = 50
# Trouble first: attention, offline, unknown, asleep, online; then what it costs.
_ORDER: Final = (
    f"CASE status WHEN {Status.ATTENTION} THEN 0 WHEN {Status.OFFLINE} THEN 1 WHEN {Status.UNKNOWN} THEN 2"
    f" WHEN {Status.ASLEEP} THEN 3 ELSE 4 END, {SHORTFALL} DESC NULLS LAST, id"
)
_LIST: Final = (
    "WITH b AS MATERIALIZED (SELECT m.id, m.public_id, m.serial, m.mac, host(m.address) AS address, m.worker,"
    " m.desired_state, m.site_id, m.slot_id, o.name AS owner, k.maker || ' ' || k.name AS model,"
    f" {sql.STATUS} AS status, {sql.REASONS} AS reasons, l.miss_cause, {sql.NOMINAL} AS nominal_ths,"
    " l.hashrate_ths, l.power_w, l.power_source, l.temp_chip_max_c, l.sampled_at"
    f"{sql.FROM_MINERS} JOIN accounts_organization o ON o.id = m.organization_id WHERE{sql.IN_SCOPE}"
    " AND (%(site_id)s::bigint IS NULL OR m.site_id = %(site_id)s)"
    " AND (%(prefix)s::text IS NULL OR m.mac LIKE %(prefix)s OR m.serial ILIKE %(prefix)s"
    " OR host(m.address) LIKE %(prefix)s OR m.worker ILIKE %(prefix)s)),"
    f" f AS (SELECT *, count(*) OVER () AS found, row_number() OVER (ORDER BY {_ORDER}) AS place FROM b"
    " WHERE (%(status)s::int IS NULL OR status = %(status)s)"
    " AND (%(reason)s::int IS NULL OR (reasons & -reasons) = %(reason)s)"
    " AND (%(cause)s::int IS NULL OR miss_cause = %(cause)s)"
    " AND (%(rack)s::bigint IS NULL OR slot_id IN (SELECT id FROM fleet_slot WHERE rack_id = %(rack)s))"
    f" ORDER BY place LIMIT {PAGE_SIZE} OFFSET %(offset)s)"
    " SELECT f.public_id, COALESCE(NULLIF(f.serial, ''), f.mac), f.mac, f.address, f.worker, f.desired_state,"
    " f.owner, f.model, t.name, t.public_id, z.name, r.name, p.row, p.position, f.status, f.reasons,"
    " f.miss_cause, f.nominal_ths, f.hashrate_ths, f.power_w, f.power_source, f.temp_chip_max_c,"
    " f.sampled_at, f.found"
    " FROM f JOIN fleet_site t ON t.id = f.site_id LEFT JOIN fleet_slot p ON p.id = f.slot_id"
    " LEFT JOIN fleet_rack r ON r.id = p.rack_id LEFT JOIN fleet_zone z ON z.id = r.zone_id"
    " ORDER BY f.place"
)


@dataclass(slots=True)
class MinerRow:
    """One line of a list. Hashrate TH/s, power W, temperature °C; None = unknown."""

    public_id: str
    name: str
    mac: str
    address: str
    worker: str
    desired_state: str
    owner: str
    model: str
    site: str
    site_public_id: str
    zone: str | None
    rack: str | None
    row: int | None
    position: int | None
    status: int
    reasons: int
    miss_cause: int | None
    nominal_ths: float
    hashrate_ths: float | None
    power_w: int | None
    power_source: int | None
    temp_chip_max_c: float | None
    sampled_at: datetime | None
    found: int

    @property
    def word(self) -> words.Word:
        """The status in words."""
        return words.status(self.status)

    @property
    def why(self) -> words.Word | None:
        """The first reason, or the cause of being offline."""
        if self.status == Status.OFFLINE:
            return words.cause(self.miss_cause)
        found = words.reasons(self.reasons)
        return found[0] if found else None

    @property
    def is_current(self) -> bool:
        """Whether the figures are of now; those of a silent machine are only its last ones."""
        return self.status in {Status.ONLINE, Status.ATTENTION, Status.ASLEEP}


@dataclass(frozen=True, slots=True)
class MinerFilter:
    """What a list shows; None = any."""

    status: Status | None = None
    reason: Reason | None = None
    cause: MissCause | None = None
    rack: int | None = None
    text: str = ""


def list_miners(
    scope: Scope, wanted: MinerFilter, *, site: Site | None = None, page: int = 1
) -> list[MinerRow]:
    """One page of miners, trouble first. Each row carries ``found``, the count of all pages.

    ``wanted.text`` matches the beginning of MAC, serial number, address or worker.
    """
    offset = (max(1, page) - 1) * PAGE_SIZE
    values: dict[str, Any] = {
        "site_id": site.pk if site else None,
        "prefix": _prefix(wanted.text),
        "status": wanted.status,
        "reason": None if wanted.reason is None else int(wanted.reason),
        "cause": wanted.cause,
        "rack": wanted.rack,
        "offset": offset,
    }
    return fetch(MinerRow, _LIST, sql.parameters(scope, **values))


def _prefix(text: str) -> str | None:
    text = "".join(sign for sign in text if sign.isprintable()).strip()[:60]
    if not text:
        return None
    if re.fullmatch(r"([0-9A-Fa-f]{2}[:-]){1,5}[0-9A-Fa-f]{0,2}", text):
        text = text.lower().replace("-", ":")
    return re.sub(r"([\\%_])", r"\\\1", text) + "%"


def counts(scope: Scope, *, site: Site | None = None) -> dict[Status, int]:
    """How many miners have which status."""
    query = (
        f"SELECT {sql.STATUS}, count(*){sql.MINERS_IN_SCOPE}"
        " AND (%(site_id)s::bigint IS NULL OR m.site_id = %(site_id)s) GROUP BY 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, sql.parameters(scope, site_id=site.pk if site else None))
        found: dict[Any, int] = dict(cursor.fetchall())
    return {status: found.get(int(status), 0) for status in Status}


def live_of(miner: Miner) -> Live | None:
    """The live row of a miner fetched by ``access_miner``; None = never tried."""
    return Live.objects.filter(site_id=miner.site_id, miner_id=miner.pk).first()
