"""A made-up hosting fleet: sites, customers, racks and miners. Pure and the same for the same seed.

Addresses lie in 127.0.0.0/8: every site has its own block from 127.10.0.0 on, every rack its own /26.
"""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from hosting.simulator.models import MODELS, ModelSpec
from hosting.simulator.profiles import apply_profile

CSV_HEADER = (
    "site", "zone", "rack", "row", "position", "model", "mac", "serial", "address", "port", "customer",
    "worker", "desired_state",
)  # fmt: skip

ROWS, POSITIONS, RACKS_PER_ZONE = 8, 6, 4
PER_RACK = ROWS * POSITIONS
PER_ZONE = PER_RACK * RACKS_PER_ZONE

_OUIS = {
    "antminer": ("28:e2:97", "6c:79:b8"),
    "whatsminer_v2": ("c4:11:04", "c8:11:05"),
    "avalon": ("b4:a2:eb",),
    "cgminer": ("00:1e:c0",),
}
# (slug, name, time zone, share of the fleet, what a zone is called, mean and half swing of the air in deg C)
_SITES = (
    ("west-texas", "West Texas", "America/Chicago", 0.46, "Container", 27.0, 8.0),
    ("reykjanes", "Reykjanes", "Atlantic/Reykjavik", 0.24, "Hall", 9.0, 3.0),
    ("alto-parana", "Alto Paraná", "America/Asuncion", 0.30, "Container", 25.0, 6.0),
    ("rogaland", "Rogaland", "Europe/Oslo", 0.20, "Hall", 10.0, 4.0),
    ("saguenay", "Saguenay", "America/Toronto", 0.20, "Hall", 12.0, 6.0),
    ("salalah", "Salalah", "Asia/Muscat", 0.20, "Container", 30.0, 4.0),
)
_CUSTOMERS = (
    "Blue Mesa Hashing", "Northgrid Compute", "Tidewater Digital", "Copperline Mining", "Halcyon Blocks",
    "Lantern Peak Capital", "Ostrava Hash Works", "Meridian Power Mining", "Quartz Ridge",
    "Saltmarsh Digital", "Timberline Hash", "Vantage Terahash",
)  # fmt: skip
_CUSTOMER_WEIGHT_DECAY = 0.82  # the first customer is about ten times the twelfth
OWN_SHARE = 0.06  # racks that the host runs for itself


@dataclass(frozen=True, slots=True)
class SimSite:
    """A site. `network` is the CIDR its addresses lie in; ambient figures in deg C."""

    slug: str
    name: str
    timezone: str
    capacity_kw: int
    network: str
    ambient_mean_c: float
    ambient_swing_c: float


@dataclass(frozen=True, slots=True)
class SimCustomer:
    """A hosted customer; `account` is the user name before the dot of its workers."""

    slug: str
    name: str
    account: str


@dataclass(frozen=True, slots=True)
class SimMiner:
    """One machine in one slot. `nominal_ths` in TH/s, `nominal_w` in W; `customer` None = the host's own."""

    index: int
    site: str
    zone: str
    rack: str
    row: int
    position: int
    address: str
    port: int
    http_port: int
    mac: str
    serial: str
    model: str
    dialect: str
    firmware: str
    nominal_ths: float
    nominal_w: float
    customer: str | None
    worker: str
    desired_state: str = "mining"
    behaviour: dict[str, Any] = field(default_factory=dict)


_MINER_FIELDS = tuple(SimMiner.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything the simulator and a demo host are built from."""

    seed: int
    sites: tuple[SimSite, ...]
    customers: tuple[SimCustomer, ...]
    miners: tuple[SimMiner, ...]

    def to_csv(self, site: str) -> str:
        """The miners of one site as the fleet CSV import expects them; KeyError for an unknown site."""
        if site not in {known.slug for known in self.sites}:
            raise KeyError(site)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(CSV_HEADER)
        for miner in self.miners:
            if miner.site == site:
                writer.writerow(["" if (v := getattr(miner, key)) is None else v for key in CSV_HEADER])
        return out.getvalue()

    def to_json(self) -> bytes:
        """The fleet file: miners as rows under one list of field names, to stay small at 60,000."""
        return orjson.dumps(
            {
                "version": 1,
                "seed": self.seed,
                "sites": [{k: getattr(s, k) for k in SimSite.__dataclass_fields__} for s in self.sites],
                "customers": [
                    {k: getattr(c, k) for k in SimCustomer.__dataclass_fields__} for c in self.customers
                ],
                "miner_fields": _MINER_FIELDS,
                "miners": [[getattr(m, key) for key in _MINER_FIELDS] for m in self.miners],
            }
        )

    @classmethod
    def from_json(cls, data: bytes | str) -> Fleet:
        """The inverse of `to_json`; ValueError for another version or unknown fields."""
        raw = orjson.loads(data)
        if raw.get("version") != 1 or tuple(raw["miner_fields"]) != _MINER_FIELDS:
            raise ValueError("not a fleet file of version 1")
        return cls(
            seed=raw["seed"],
            sites=tuple(SimSite(**site) for site in raw["sites"]),
            customers=tuple(SimCustomer(**customer) for customer in raw["customers"]),
            miners=tuple(SimMiner(*row) for row in raw["miners"]),
        )


def build_fleet(
    miners: int,
    seed: int,
    base_port: int = 4028,
    http_port: int = 80,
    *,
    sites: int = 3,
    customers: int = 12,
    profile: str = "clean",
) -> Fleet:
    """Build `miners` machines over `sites` sites and `customers` customers, the same for the same arguments.

    `profile` (clean, demo, bench, hostile) says which of them misbehave and how. ValueError for more than
    two million miners or 24 sites (which fit 127.0.0.0/8 in any mix), or an unknown profile.
    """
    if miners < 0 or miners > 2_000_000 or not 1 <= sites <= 24 or customers < 0:
        raise ValueError("a fleet has 0..2,000,000 miners, 1..24 sites and 0 or more customers")
    rng = random.Random(seed)
    people = _build_customers(customers)
    sizes = _split(miners, [_site_row(i)[3] for i in range(sites)])
    zones = max(1, -(-max(sizes) // PER_ZONE))
    step = 1 << max(0, (zones - 1) >> 8).bit_length()  # /16 blocks a site needs, a power of two
    first = -(-10 // step) * step
    built: list[SimMiner] = []
    known: list[SimSite] = []
    for number, size in enumerate(sizes):
        block = first + number * step
        placed = _build_site(
            number, size, block=block, start=len(built), people=people, ports=(base_port, http_port), rng=rng
        )
        built.extend(placed)
        known.append(_describe_site(number, placed, f"127.{block}.0.0/{16 - step.bit_length() + 1}"))
    built = [_with_mac(miner, seed) for miner in built]
    built = _with_behaviour(built, profile, seed)
    return Fleet(seed, tuple(known), people, tuple(built))


def _split(total: int, weights: list[float]) -> list[int]:
    """`total` split by weight, largest remainders first, so that the parts add up exactly."""
    scale = total / sum(weights)
    parts = [int(weight * scale) for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: parts[i] - weights[i] * scale)
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _site_row(number: int) -> tuple[str, str, str, float, str, float, float]:
    row = _SITES[number % len(_SITES)]
    again = number // len(_SITES)
    return row if not again else (f"{row[0]}-{again + 1}", f"{row[1]} {again + 1}", *row[2:])


def _build_customers(count: int) -> tuple[SimCustomer, ...]:
    out = []
    for i in range(count):
        again = i // len(_CUSTOMERS)
        name = _CUSTOMERS[i % len(_CUSTOMERS)] + (f" {again + 1}" if again else "")
        slug = name.lower().replace(" ", "-")
        out.append(SimCustomer(slug, name, slug.replace("-", "")))
    return tuple(out)


def _describe_site(number: int, placed: list[SimMiner], network: str) -> SimSite:
    slug, name, timezone, _share, _zone, mean, swing = _site_row(number)
    load_kw = sum(miner.nominal_w for miner in placed) / 1000
    capacity = int(-(-load_kw * 1.12 // 100) * 100) or 100  # contracted with room above the nameplates
    return SimSite(slug, name, timezone, capacity, network, mean, swing)


def _build_site(
    number: int,
    size: int,
    *,
    block: int,
    start: int,
    people: tuple[SimCustomer, ...],
    ports: tuple[int, int],
    rng: random.Random,
) -> list[SimMiner]:
    slug, _name, _tz, _share, zone_word, _mean, _swing = _site_row(number)
    weights = [_CUSTOMER_WEIGHT_DECAY**i for i in range(len(people))]
    out: list[SimMiner] = []
    for rack_number in range(-(-size // PER_RACK)):
        zone_number, rack_in_zone = divmod(rack_number, RACKS_PER_ZONE)
        owner = None if not people or rng.random() < OWN_SHARE else rng.choices(people, weights)[0]
        model = _pick_model(rng)
        for slot in range(min(PER_RACK, size - rack_number * PER_RACK)):
            if slot == PER_RACK // 2 and rng.random() < 0.3:  # some racks are shared by two batches
                model = _pick_model(rng)
                owner = rng.choices(people, weights)[0] if people else None
            row, position = divmod(slot, POSITIONS)
            rack = f"{zone_word[0]}{zone_number + 1:02d}-R{rack_in_zone + 1}"
            account = owner.account if owner else "houseaccount"
            host = rack_in_zone * 64 + 1 + slot
            out.append(
                SimMiner(
                    index=start + len(out),
                    site=slug,
                    zone=f"{zone_word} {zone_number + 1:02d}",
                    rack=rack,
                    row=row + 1,
                    position=position + 1,
                    address=f"127.{block + (zone_number >> 8)}.{zone_number & 255}.{host}",
                    port=ports[0],
                    http_port=ports[1],
                    mac="",
                    serial=_serial(model, rng),
                    model=model.slug,
                    dialect=model.dialect,
                    firmware=model.firmware,
                    nominal_ths=model.ths,
                    nominal_w=model.watts,
                    customer=owner.slug if owner else None,
                    worker=f"{account}.{slug[:2]}{rack.replace('-', '').lower()}x{row + 1}{position + 1}",
                )
            )
    return out


def _pick_model(rng: random.Random) -> ModelSpec:
    models = list(MODELS.values())
    return rng.choices(models, [model.share for model in models])[0]


_SERIAL_PREFIX = {"antminer": "NGSB", "whatsminer_v2": "HTM", "avalon": "0201", "cgminer": "SN"}


def _serial(model: ModelSpec, rng: random.Random) -> str:
    if model.dialect == "avalon":  # Canaan prints its 8-byte DNA in hex
        return f"0201{rng.getrandbits(48):012x}"
    letters = "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=4))
    return f"{_SERIAL_PREFIX[model.dialect]}{letters}{rng.randrange(10**8):08d}"


def _with_mac(miner: SimMiner, seed: int) -> SimMiner:
    """A vendor prefix and 24 bits that are a permutation of the index: unique below 16 million miners."""
    tail = (miner.index * 0x9E3779 + seed * 0x51ED27 + 0x1A2B3C) & 0xFFFFFF
    ouis = _OUIS[miner.dialect]
    octets = ":".join(f"{(tail >> shift) & 255:02x}" for shift in (16, 8, 0))
    return replace(miner, mac=f"{ouis[miner.index % len(ouis)]}:{octets}")


def _with_behaviour(miners: list[SimMiner], profile: str, seed: int) -> list[SimMiner]:
    """Give each miner its profile's behaviour; one that refuses connections moves to unserved ports."""
    behaviours = apply_profile(profile, [miner.dialect for miner in miners], random.Random(seed ^ 0x5EED))
    out = []
    for miner, behaviour in zip(miners, behaviours, strict=True):
        moved = miner
        if behaviour.get("transport") == "refused":  # nobody listens one port further
            moved = replace(miner, port=miner.port + 1, http_port=miner.http_port + 1)
        asleep = behaviour.get("mode") == "sleeping"
        out.append(replace(moved, behaviour=behaviour, desired_state="sleeping" if asleep else "mining"))
    return out
