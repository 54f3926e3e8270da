"""Looking for miners that fell silent: DHCP may have given them another address.

The free addresses of the site's ranges are asked who is there, politely and a few at a time. A lost
miner's MAC at an address makes an open claim (the miner itself, found at that address): from the next
sweep on the miner is read there, its control held, until a person confirms the claim (the inventory gets the
address) or dismisses it (the inventory's address is read again).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop
from django.core.cache import cache
from django.db import connections

from hashinsight.core import clock
from hashinsight.core.ids import new_public_id
from hashinsight.integrations.miners.errors import LocalFaultError, MinerError
from hashinsight.integrations.miners.http_digest import HttpLogin
from hashinsight.integrations.miners.identify import identify
from hashinsight.integrations.miners.transport import DEFAULT_DEADLINES
from hosting.telemetry.domain.codes import MissCause
from hosting.telemetry.domain.device import DeviceRow
from hosting.telemetry.domain.hunt import ground, walk
from hosting.telemetry.services import sweeps
from hosting.telemetry.services.leases import USING

log = logging.getLogger(__name__)

LOST_MISSES: Final = 3
MOST_ADDRESSES: Final = 512
IN_FLIGHT: Final = 16
MOST_S: Final = 60.0
CURSOR_KEPT_S: Final = 86_400
# Nobody is there, or somebody else is: all other causes are of a machine that is there and ails.
_GONE: Final = (MissCause.REFUSED, MissCause.TIMEOUT, MissCause.FOREIGN, MissCause.WRONG_PROTOCOL)
_MUTE: Final = "cgminer"  # tells its MAC nowhere
_NEEDS_LOGIN: Final = "antminer"


@dataclass(slots=True)
class Report:
    """What one run did: the miners looked for, the addresses asked, the miners found."""

    lost: int = 0
    asked: int = 0
    found: int = 0


@dataclass(slots=True)
class _Search:
    """One run: ``wanted`` are the lost by MAC, ``usual`` the site's API and web port."""

    wanted: dict[str, DeviceRow]
    usual: tuple[int, int]
    login: HttpLogin | None
    addresses: Iterator[tuple[int, str]]
    position: int
    asked: int = 0
    found: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Ask until all are found, the addresses or the time run out."""
        try:
            async with asyncio.timeout(MOST_S), asyncio.TaskGroup() as group:
                for _ in range(IN_FLIGHT):
                    group.create_task(self._work())
        except TimeoutError:
            log.info("hunt: out of time after %s addresses", self.asked)

    async def _work(self) -> None:
        for position, address in self.addresses:
            if len(self.found) == len(self.wanted):
                return
            self.position = position
            self.asked += 1
            mac = await self._mac_at(address)
            if mac in self.wanted:
                self.found.setdefault(mac, address)

    async def _mac_at(self, address: str) -> str | None:
        port, http_port = self.usual
        try:
            who = await identify(address, port, DEFAULT_DEADLINES, self.login, http_port=http_port)
        except (MinerError, LocalFaultError):
            return None  # nobody there, or nobody who talks: the usual case
        return who.mac


def hunt(site_id: int) -> Report:
    """Look once for the lost miners of a site; the next run goes on where this one ended.

    Asks nothing when nobody is lost or the site has no address ranges.
    """
    login = sweeps.miner_login()
    ranges, rows = _ranges(site_id), sweeps.load_devices(site_id, 0, 1)
    gone = _gone(site_id)
    lost = {row.mac: row for row in rows if row.miner_id in gone and _can_tell(row, login)}
    key = f"telemetry:hunt:{site_id}"
    if not lost or not ranges:
        cache.delete(key)
        return Report(lost=len(lost))
    place = ground(ranges, lost=[row.address for row in lost.values()], known={row.address for row in rows})
    start = int(cache.get(key, 0))
    usual, _ = Counter((row.port, row.http_port) for row in rows).most_common(1)[0]
    search = _Search(lost, usual, login, walk(place, start, MOST_ADDRESSES), start)
    uvloop.run(search.run())
    cache.set(key, search.position, CURSOR_KEPT_S)
    for mac, address in search.found.items():
        _note(site_id, lost[mac], address, usual[0])
    log.info("site %s: hunted %s miners at %s addresses", site_id, len(lost), search.asked)
    return Report(len(lost), search.asked, len(search.found))


def sites_to_hunt() -> list[int]:
    """Polled sites with address ranges and miners that may have moved."""
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "SELECT s.id FROM fleet_site s WHERE s.is_polled AND cardinality(s.address_ranges) > 0"
            " AND EXISTS (SELECT 1 FROM telemetry_live l WHERE l.site_id = s.id AND l.misses >= %s"
            " AND l.miss_cause = ANY(%s)) ORDER BY s.id",
            [LOST_MISSES, _causes()],
        )
        return [row[0] for row in cursor.fetchall()]


def _causes() -> list[int]:
    return [int(cause) for cause in _GONE]


def _can_tell(row: DeviceRow, login: HttpLogin | None) -> bool:
    return row.dialect != _MUTE and (login is not None or row.dialect != _NEEDS_LOGIN)


def _ranges(site_id: int) -> list[str]:
    with connections[USING].cursor() as cursor:
        cursor.execute("SELECT address_ranges FROM fleet_site WHERE id = %s AND is_polled", [site_id])
        row = cursor.fetchone()
    return list(row[0]) if row else []


def _gone(site_id: int) -> set[int]:
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "SELECT miner_id FROM telemetry_live"
            " WHERE site_id = %s AND misses >= %s AND miss_cause = ANY(%s)",
            [site_id, LOST_MISSES, _causes()],
        )
        return {row[0] for row in cursor.fetchall()}


def _note(site_id: int, row: DeviceRow, address: str, port: int) -> None:
    """An open claim for the find, unless a person dismissed it; none when the miner is back at home."""
    now = clock.now()
    values: list[Any] = [new_public_id(), row.host_id, site_id, row.organization_id, row.miner_id]
    values += [address, port, row.mac, row.miner_id, now, now]
    with connections[USING].cursor() as cursor:
        cursor.execute(
            "UPDATE telemetry_claim c SET state = 'resolved', closed_at = %s FROM fleet_miner m"
            " WHERE c.site_id = %s AND c.miner_id = %s AND c.found_miner_id = c.miner_id AND c.state = 'open'"
            " AND m.id = c.miner_id AND m.address = %s AND m.port = %s",
            [now, site_id, row.miner_id, address, port],
        )
        cursor.execute(
            "INSERT INTO telemetry_claim (public_id, host_id, site_id, organization_id, miner_id, address,"
            " port, mac_seen, found_miner_id, state, first_seen_at, last_seen_at)"
            " SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, 'open', %s, %s"
            " WHERE NOT EXISTS (SELECT 1 FROM telemetry_claim WHERE site_id = %s AND miner_id = %s"
            "   AND mac_seen = %s AND address = %s AND port = %s AND state = 'dismissed')"
            " AND NOT EXISTS (SELECT 1 FROM fleet_miner WHERE id = %s AND address = %s AND port = %s)"
            " ON CONFLICT (site_id, miner_id, mac_seen) WHERE state = 'open' DO UPDATE SET"
            " address = EXCLUDED.address, port = EXCLUDED.port, last_seen_at = EXCLUDED.last_seen_at",
            [*values, site_id, row.miner_id, row.mac, address, port, row.miner_id, address, port],
        )
