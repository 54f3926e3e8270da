"""A site as a map: every slot's machine with its live figures, in columns to be small on the wire."""

# ruff: noqa: S608 -- the queries are put together from constants of ours; every value is a parameter.

from __future__ import annotations

import hashlib
from typing import Any, Final

from django.db import connection

from hashinsight.core import clock
from hashinsight.core.scope import Scope
from hosting.fleet.models import Site
from hosting.telemetry.selectors import status as sql

_CELLS: Final = (
    "SELECT z.name, r.id, r.name, s.row, s.position, m.public_id, m.model_id, k.name,"
    f" {sql.STATUS}, CASE WHEN l.hashrate_ths IS NULL OR {sql.NOMINAL} <= 0 THEN NULL"
    f" ELSE round((100 * l.hashrate_ths / {sql.NOMINAL})::numeric, 1)::float8 END,"
    " COALESCE(l.temp_chip_max_c, l.temp_board_max_c), l.power_w,"
    " EXTRACT(EPOCH FROM l.sampled_at)::bigint"
    f"{sql.FROM_MINERS} LEFT JOIN fleet_slot s ON s.id = m.slot_id LEFT JOIN fleet_rack r ON r.id = s.rack_id"
    f" LEFT JOIN fleet_zone z ON z.id = r.zone_id WHERE{sql.IN_SCOPE} AND m.site_id = %(site_id)s"
    " ORDER BY z.name NULLS LAST, r.name, r.id, s.row, s.position, m.id"
)


def heatmap(scope: Scope, site: Site, *, known_layout: str = "") -> dict[str, Any]:
    """Columns of the site's machines in map order.

    ``status`` codes, ``hashrate`` in % of nameplate, ``temp`` °C (hottest chip, else board), ``power`` W,
    ``seen`` Unix seconds; null = unknown. ``layout`` names the order: when it equals ``known_layout``, the
    places (``zones``, ``id``, ``rack``, ``row``, ``position``, ``model``) are left out. A machine without
    a slot stands in the rack -1.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CELLS, sql.parameters(scope, site_id=site.pk))
        rows = cursor.fetchall()
    digest = hashlib.blake2s(repr([row[:7] for row in rows]).encode(), digest_size=8).hexdigest()
    answer: dict[str, Any] = {
        "layout": digest,
        "now": round(clock.now().timestamp(), 1),
        "status": [row[8] for row in rows],
        "hashrate": [row[9] for row in rows],
        "temp": [None if row[10] is None else round(row[10], 1) for row in rows],
        "power": [row[11] for row in rows],
        "seen": [row[12] for row in rows],
    }
    return answer if digest == known_layout else answer | _places(rows)


def _places(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    zones: list[dict[str, Any]] = []
    racks: dict[int, int] = {}
    models: dict[int, int] = {}
    for zone_name, rack_id, rack_name, row, position, *_rest in rows:
        if rack_id is None:
            continue
        if rack_id not in racks:
            racks[rack_id] = len(racks)
            if not zones or zones[-1]["name"] != zone_name:
                zones.append({"name": zone_name, "racks": []})
            zones[-1]["racks"].append({"name": rack_name, "rows": 0, "cols": 0})
        rack = zones[-1]["racks"][-1]
        rack["rows"], rack["cols"] = max(rack["rows"], row), max(rack["cols"], position)
    names: list[str] = []
    for row in rows:
        if row[6] not in models:
            models[row[6]] = len(names)
            names.append(row[7])
    return {
        "zones": zones,
        "models": names,
        "id": [row[5] for row in rows],
        "rack": [-1 if row[1] is None else racks[row[1]] for row in rows],
        "row": [row[3] for row in rows],
        "position": [row[4] for row in rows],
        "model": [models[row[6]] for row in rows],
    }


_RACKS: Final = (
    f"WITH b AS MATERIALIZED (SELECT z.name AS zone, r.name AS rack, r.id AS rack_id, {sql.STATUS} AS status,"
    f" l.hashrate_ths, {sql.NOMINAL} AS nominal_ths, l.power_w, l.temp_chip_max_c"
    f"{sql.FROM_MINERS} LEFT JOIN fleet_slot s ON s.id = m.slot_id LEFT JOIN fleet_rack r ON r.id = s.rack_id"
    f" LEFT JOIN fleet_zone z ON z.id = r.zone_id WHERE{sql.IN_SCOPE} AND m.site_id = %(site_id)s)"
    " SELECT zone, rack, rack_id, count(*), count(*) FILTER (WHERE status = 1),"
    " count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 3),"
    " count(*) FILTER (WHERE status = 4), count(*) FILTER (WHERE status = 0),"
    " sum(hashrate_ths) FILTER (WHERE status IN (1, 2, 4)), sum(nominal_ths),"
    " sum(power_w) FILTER (WHERE status IN (1, 2, 4)),"
    " max(temp_chip_max_c) FILTER (WHERE status IN (1, 2, 4))"
    " FROM b GROUP BY 1, 2, 3 ORDER BY zone NULLS LAST, rack"
)
_RACK_FIELDS: Final = (
    "zone", "rack", "rack_id", "miners", "online", "attention", "offline", "asleep", "unknown",
    "hashrate_ths", "nominal_ths", "power_w", "hottest_c",
)  # fmt: skip


def racks(scope: Scope, site: Site) -> list[dict[str, Any]]:
    """The map as a table: one row a rack (None = machines without a slot)."""
    with connection.cursor() as cursor:
        cursor.execute(_RACKS, sql.parameters(scope, site_id=site.pk))
        return [dict(zip(_RACK_FIELDS, row, strict=True)) for row in cursor.fetchall()]
