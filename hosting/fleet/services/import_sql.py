"""Writing an import's plan in bulk.

One statement a table, fed by arrays: 60,000 model instances cost more time than the database does. COPY is
no way, PostgreSQL refuses it under row-level security.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from hashinsight.core import clock
from hashinsight.core.ids import new_public_id
from hashinsight.core.scope import Scope
from hosting.fleet.domain.import_plan import Place, Plan, Wanted
from hosting.fleet.models import Rack, Site, Zone
from hosting.fleet.selectors.inventory import Places

_SLOTS = """
INSERT INTO fleet_slot (host_id, site_id, rack_id, row, position)
SELECT %s, %s, * FROM unnest(%s::bigint[], %s::smallint[], %s::smallint[])
"""
_CREATE = """
INSERT INTO fleet_miner (host_id, site_id, created_at, updated_at, public_id, mac, slot_id, model_id, serial,
    address, port, http_port, dialect, organization_id, worker, desired_state)
SELECT %s, %s, %s, %s, public_id, mac, slot_id, model_id, serial, address::inet, port, http_port, dialect,
    organization_id, worker, desired_state
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::int[], %s::int[],
            %s::text[], %s::bigint[], %s::text[], %s::text[])
    AS new (public_id, mac, slot_id, model_id, serial, address, port, http_port, dialect, organization_id,
            worker, desired_state)
"""
_CHANGE = """
UPDATE fleet_miner AS miner SET
    slot_id = new.slot_id, model_id = new.model_id, serial = new.serial, address = new.address::inet,
    port = new.port, http_port = new.http_port, dialect = new.dialect, organization_id = new.organization_id,
    worker = new.worker, desired_state = new.desired_state, updated_at = %s
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::int[], %s::int[],
            %s::text[], %s::bigint[], %s::text[], %s::text[])
    AS new (id, slot_id, model_id, serial, address, port, http_port, dialect, organization_id, worker,
            desired_state)
WHERE miner.id = new.id AND miner.host_id = %s
"""
# Unique indexes are checked row by row: what is to be swapped is let go of first.
_LET_GO = """
UPDATE fleet_miner SET slot_id = NULL, serial = '', desired_state = 'retired'
WHERE id = ANY (%s) AND host_id = %s
"""


def make_places(plan: Plan, scope: Scope, site: Site) -> dict[Place, int]:
    """Create the zones, racks and slots of the plan; returns the row number of every slot of the site."""
    host = scope.host_id
    Zone.objects.bulk_create([Zone(host_id=host, site=site, name=name) for name in plan.zones])
    zones = Places.of(site).zones if plan.racks else {}
    Rack.objects.bulk_create(
        [Rack(host_id=host, site=site, zone_id=zones[zone], name=name) for zone, name in plan.racks]
    )
    if plan.slots:
        racks = Places.of(site).racks
        columns = [
            [racks[zone, rack] for zone, rack, _row, _position in plan.slots],
            [row for _zone, _rack, row, _position in plan.slots],
            [position for _zone, _rack, _row, position in plan.slots],
        ]
        with connection.cursor() as cursor:
            cursor.execute(_SLOTS, [host, site.pk, *columns])
    return Places.of(site).slots


def create_miners(
    plan: Plan, scope: Scope, site: Site, slots: dict[Place, int], *, skip_conflicts: bool = False
) -> None:
    """Create the plan's new miners; ``skip_conflicts`` leaves out those that a unique index refuses."""
    if not plan.create:
        return
    now = clock.now()
    names: list[Any] = [[new_public_id() for _row in plan.create], [row.mac for row in plan.create]]
    values: list[Any] = [scope.host_id, site.pk, now, now, *names, *_columns(plan.create, slots)]
    with connection.cursor() as cursor:
        cursor.execute(_CREATE + ("ON CONFLICT DO NOTHING" if skip_conflicts else ""), values)


def change_miners(plan: Plan, scope: Scope, slots: dict[Place, int]) -> None:
    """Bring the plan's known miners in line; they may swap slots, serial numbers and addresses."""
    if not plan.change:
        return
    moved = [
        old.id
        for old, new in plan.change
        if (old.place, old.serial, old.address, old.port) != (new.place, new.serial, new.address, new.port)
    ]
    ids = [old.id for old, _new in plan.change]
    columns = _columns([new for _old, new in plan.change], slots)
    with connection.cursor() as cursor:
        if moved:
            cursor.execute(_LET_GO, [moved, scope.host_id])
        cursor.execute(_CHANGE, [clock.now(), ids, *columns, scope.host_id])


def _columns(rows: Sequence[Wanted], slots: dict[Place, int]) -> list[list[Any]]:
    return [
        [slots[row.place] if row.place else None for row in rows],
        [row.model_id for row in rows],
        [row.serial for row in rows],
        [row.address for row in rows],
        [row.port for row in rows],
        [row.http_port for row in rows],
        [row.dialect for row in rows],
        [row.organization_id for row in rows],
        [row.worker for row in rows],
        [row.desired_state for row in rows],
    ]
