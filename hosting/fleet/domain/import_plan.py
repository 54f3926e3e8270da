"""What a fleet file would do to an inventory: a pure comparison, with every conflict named.

The inventory after the import is what is checked, so machines may swap slots, addresses or serial
numbers within one file.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network
from typing import TypeVar

from hosting.fleet.domain.csv_rows import MinerRow, Parsed, Problem

T = TypeVar("T")
Place = tuple[str, str, int, int]
DEFAULT_HTTP_PORT = 80
DEFAULT_STATE = "mining"
RETIRED = "retired"
COMPARED = (
    "place", "model_id", "serial", "address", "port", "http_port", "dialect", "organization_id", "worker",
    "desired_state",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """A miner of the host's inventory; ``place`` only for those of the site that is imported."""

    id: int
    name: str
    site_id: int
    place: Place | None
    model_id: int
    mac: str
    serial: str
    address: str
    port: int
    http_port: int
    dialect: str
    organization_id: int
    worker: str
    desired_state: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A miner as a row of the file wants it."""

    number: int
    place: Place | None
    model_id: int
    mac: str
    serial: str
    address: str
    port: int
    http_port: int
    dialect: str
    organization_id: int
    worker: str
    desired_state: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the import compares with. Names are unique: models and customers by slug, sites by row number."""

    host_id: int
    site_id: int
    site_slug: str
    ranges: tuple[IPv4Network, ...]
    site_names: Mapping[int, str]
    models: Mapping[str, tuple[int, str]]  # slug -> (row number, dialect)
    customers: Mapping[str, int]
    miners: tuple[Known, ...]
    zones: frozenset[str]
    racks: frozenset[tuple[str, str]]
    slots: frozenset[Place]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be written; nothing may be written while there are ``problems``."""

    create: list[Wanted] = field(default_factory=list)
    change: list[tuple[Known, Wanted]] = field(default_factory=list)
    unchanged: int = 0
    absent: int = 0  # miners of the site that the file does not name; they stay as they are
    zones: list[str] = field(default_factory=list)
    racks: list[tuple[str, str]] = field(default_factory=list)
    slots: list[Place] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def changed_fields(known: Known, wanted: Wanted) -> dict[str, tuple[object, object]]:
    """Field -> (before, after) of what differs."""
    return {
        name: (getattr(known, name), getattr(wanted, name))
        for name in COMPARED
        if getattr(known, name) != getattr(wanted, name)
    }


def make_plan(parsed: Parsed, inventory: Inventory) -> Plan:
    """Compare the file with the inventory."""
    return _Planner(parsed, inventory).plan()


class _Planner:
    def __init__(self, parsed: Parsed, inventory: Inventory) -> None:
        self._parsed = parsed
        self._inventory = inventory
        self._by_mac = {miner.mac: miner for miner in inventory.miners}
        self._problems: list[Problem] = list(parsed.problems)
        self._ranges = [(int(net.network_address), int(net.netmask)) for net in inventory.ranges]
        self._near: dict[tuple[str, str], str] = {}
        self._mentioned: set[str] = set(parsed.broken_macs)

    def plan(self) -> Plan:
        if self._parsed.rows and not self._inventory.ranges:
            site = self._inventory.site_slug
            self._problems.append(Problem(0, "address", "", "no_ranges", {"site": site}))
            return Plan(problems=self._problems)
        wanted = [row for row in map(self._wanted, self._parsed.rows) if row is not None]
        self._check_unique(wanted)
        if self._problems:
            self._problems.sort(key=lambda problem: problem.row)
            return Plan(problems=self._problems)
        return self._compare(wanted)

    def _compare(self, rows: list[Wanted]) -> Plan:
        create: list[Wanted] = []
        change: list[tuple[Known, Wanted]] = []
        for row in rows:
            known = self._by_mac.get(row.mac)
            if known is None:
                create.append(row)
            elif changed_fields(known, row):
                change.append((known, row))
        places = dict.fromkeys(row.place for row in rows if row.place is not None)
        inventory = self._inventory
        at_site = sum(miner.site_id == inventory.site_id for miner in inventory.miners)
        return Plan(
            create=create,
            change=change,
            unchanged=len(rows) - len(create) - len(change),
            absent=at_site - (len(rows) - len(create)),
            zones=[
                zone for zone in dict.fromkeys(place[0] for place in places) if zone not in inventory.zones
            ],
            racks=[
                rack for rack in dict.fromkeys(place[:2] for place in places) if rack not in inventory.racks
            ],
            slots=[place for place in places if place not in inventory.slots],
        )

    def _complain(self, row: MinerRow, column: str, value: str, code: str, **params: str | int) -> None:
        self._problems.append(Problem(row.number, column, value, code, params))

    def _wanted(self, row: MinerRow) -> Wanted | None:
        """The row with its names resolved; None (and problems) when one is not known."""
        before = len(self._problems)
        inventory = self._inventory
        if row.site and row.site.lower() != inventory.site_slug:
            self._complain(row, "site", row.site, "other_site", site=inventory.site_slug)
        model = self._find(row, "model", row.model, inventory.models)
        owner = self._find(row, "customer", row.customer, inventory.customers) if row.customer else None
        number = int(IPv4Address(row.address))
        if not any(number & mask == network for network, mask in self._ranges):
            ranges = ", ".join(str(net) for net in inventory.ranges)
            self._complain(row, "address", row.address, "outside", ranges=ranges)
        known = self._known(row)
        if len(self._problems) > before or model is None:
            self._mentioned.add(row.mac)
            return None
        return Wanted(
            number=row.number,
            place=row.place,
            model_id=model[0],
            mac=row.mac,
            serial=row.serial,
            address=row.address,
            port=row.port,
            http_port=row.http_port or (known.http_port if known else DEFAULT_HTTP_PORT),
            dialect=row.dialect or (known.dialect if known and known.model_id == model[0] else model[1]),
            organization_id=owner or inventory.host_id,
            worker=row.worker,
            desired_state=row.desired_state or (known.desired_state if known else DEFAULT_STATE),
        )

    def _known(self, row: MinerRow) -> Known | None:
        known = self._by_mac.get(row.mac)
        if known is not None and known.site_id != self._inventory.site_id:
            site = self._inventory.site_names.get(known.site_id, "?")
            self._complain(row, "mac", row.mac, "mac_elsewhere", miner=known.name, site=site)
        return known

    def _find(self, row: MinerRow, column: str, value: str, known: Mapping[str, T]) -> T | None:
        key = "-".join(value.lower().split())
        if key in known:
            return known[key]
        if (column, key) not in self._near:
            self._near[column, key] = ", ".join(get_close_matches(key, known, n=3, cutoff=0.5))
        near = self._near[column, key]
        code = f"unknown_{column}_near" if near else f"unknown_{column}"
        self._complain(row, column, value, code, near=near)
        return None

    def _check_unique(self, rows: list[Wanted]) -> None:
        """MAC, serial number, address and slot of the inventory as it would be after the import."""
        self._mentioned |= {row.mac for row in rows}
        site = self._inventory.site_id  # what stands elsewhere is never changed, named in the file or not
        rest = [
            one for one in self._inventory.miners if one.site_id != site or one.mac not in self._mentioned
        ]
        here = [one for one in rest if one.site_id == site]
        self._clashes(rows, [], "mac", lambda one: one.mac)
        # A row that repeats another is told so once, not again for its serial number, address and slot.
        rows = list({row.mac: row for row in reversed(rows)}.values())
        rows.sort(key=lambda row: row.number)
        self._clashes(rows, rest, "serial", lambda one: one.serial or None)
        self._clashes(rows, here, "address", _socket_of)
        self._clashes(rows, here, "position", lambda one: one.place)

    def _clashes(
        self,
        rows: Iterable[Wanted],
        others: Iterable[Known],
        column: str,
        key_of: Callable[[Known | Wanted], Hashable | None],
    ) -> None:
        taken: dict[Hashable, Known | Wanted] = {
            key: one for one in others if (key := key_of(one)) is not None
        }
        for row in rows:
            key = key_of(row)
            if key is None:
                continue
            holder = taken.setdefault(key, row)
            if isinstance(holder, Known):
                site = self._inventory.site_names.get(holder.site_id, "?")
                params: dict[str, str | int] = {"miner": holder.name, "mac": holder.mac, "site": site}
                self._problems.append(Problem(row.number, column, _shown(key), f"{column}_taken", params))
            elif holder is not row:
                params = {"other": holder.number}
                self._problems.append(Problem(row.number, column, _shown(key), f"{column}_twice", params))


def _socket_of(one: Known | Wanted) -> Hashable | None:
    """Address and port, which a retired machine no longer holds."""
    return None if one.desired_state == RETIRED else (one.address, one.port)


def _shown(key: Hashable) -> str:
    if isinstance(key, tuple):
        return ":".join(map(str, key)) if len(key) == 2 else " / ".join(map(str, key))
    return str(key)
