"""A fleet with live rows in every state, for tests of pages and for looking at them. Run as the owner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sin
from typing import Any

from hashinsight.accounts.models import Organization
from hashinsight.core import clock
from hosting.fleet.choices import DesiredState, Dialect
from hosting.fleet.models import Miner, MinerModel, Rack, Site, Slot, Zone
from hosting.telemetry.choices import Identity, MissCause, Mode, PowerSource
from hosting.telemetry.models import AddressClaim, Live, Sample, Sweep

INTERVAL_S = 60
ROWS, POSITIONS, RACKS = 8, 6, 4
PER_RACK = ROWS * POSITIONS
SCRIPT = "<script>alert(1)</script>"
_MODELS = [
    ("antminer-s19jpro", "Bitmain", "Antminer S19j Pro", Dialect.ANTMINER, 104.0, 3068),
    ("antminer-s21", "Bitmain", "Antminer S21", Dialect.ANTMINER, 200.0, 3500),
    ("whatsminer-m50s", "MicroBT", "Whatsminer M50S", Dialect.WHATSMINER_V2, 126.0, 3276),
    ("avalon-1366", "Canaan", "Avalon A1366", Dialect.AVALON, 130.0, 3250),
]
# What befalls the n-th machine; everything else mines.
TROUBLES: dict[int, str] = {
    1: "timeout",
    2: "refused",
    3: "board",
    4: "asleep",
    5: "hot",
    6: "low",
    7: "never",
    8: "error",
    9: "fan",
    10: "conflict",
    11: "asleep-unplanned",
    12: "silent",
    13: "script",
    14: "zero",
    15: "unknown-power",
}


@dataclass(frozen=True)
class LiveFleet:
    """What was made: the miners in order, and by their trouble."""

    miners: list[Miner]
    by_trouble: dict[str, Miner]
    claim: AddressClaim
    at: datetime


def models() -> list[MinerModel]:
    """The models of this fleet."""
    return [
        MinerModel.objects.get_or_create(
            slug=slug,
            defaults={
                "maker": maker,
                "name": name,
                "dialect": dialect,
                "nominal_ths": ths,
                "nominal_w": watts,
            },
        )[0]
        for slug, maker, name, dialect, ths, watts in _MODELS
    ]


def fill(
    site: Site, owners: list[Organization], count: int = 40, *, number: int = 1, at: datetime | None = None
) -> LiveFleet:
    """Put ``count`` machines on ``site``, owned in turn, with live rows, a sweep, samples and a claim.

    ``number`` keeps MACs and addresses of several sites apart (1..9). Each trouble of TROUBLES befalls one
    machine of the first hundred, and again one of every further hundred.
    """
    now = at or clock.now()
    kinds = models()
    slots = _places(site, count)
    miners = Miner.objects.bulk_create(
        [
            _miner(slots[i], owners[i % len(owners)], kinds[(i // 24) % len(kinds)], index=i, number=number)
            for i in range(count)
        ]
    )
    Live.objects.bulk_create(
        [live for i, miner in enumerate(miners) if (live := _live(miner, _trouble(i), i, now)) is not None]
    )
    _sweep(site, miners, now)
    by_trouble = {TROUBLES[i]: miner for i, miner in enumerate(miners) if i in TROUBLES}
    claimed = by_trouble.get("conflict", miners[0])
    claim = AddressClaim.objects.create(
        host_id=site.host_id,
        site_id=site.pk,
        organization_id=claimed.organization_id,
        miner_id=claimed.pk,
        address=claimed.address,
        port=claimed.port,
        mac_seen="02:00:00:00:00:99",
        found_miner_id=None,
        first_seen_at=now - timedelta(hours=2),
        last_seen_at=now - timedelta(seconds=30),
    )
    day(miners[0], now)
    return LiveFleet(miners, by_trouble, claim, now)


def _trouble(index: int) -> str:
    return TROUBLES.get(index % 100, "")


def _places(site: Site, count: int) -> list[Slot]:
    slots: list[Slot] = []
    zone = rack = None
    for index in range(count):
        rack_number, in_rack = divmod(index, PER_RACK)
        if in_rack == 0:
            zone_number, rack_in_zone = divmod(rack_number, RACKS)
            if rack_in_zone == 0:
                zone = Zone.objects.create(
                    host_id=site.host_id, site=site, name=f"Hall {zone_number + 1:02d}"
                )
            assert zone is not None
            rack = Rack.objects.create(
                host_id=site.host_id, site=site, zone=zone, name=f"H{zone_number + 1:02d}-R{rack_in_zone + 1}"
            )
        row, position = divmod(in_rack, POSITIONS)
        slots.append(Slot(host_id=site.host_id, site=site, rack=rack, row=row + 1, position=position + 1))
    return Slot.objects.bulk_create(slots)


def _miner(slot: Slot, owner: Organization, model: MinerModel, *, index: int, number: int) -> Miner:
    site, trouble = slot.site, _trouble(index)
    return Miner(
        host_id=site.host_id,
        organization=owner,
        site=site,
        slot=slot,
        model=model,
        mac=f"02:0{number}:00:{index >> 16 & 255:02x}:{index >> 8 & 255:02x}:{index & 255:02x}",
        serial=f"SN{number}{index:07d}",
        address=f"10.{number}.{index >> 8 & 255}.{index & 255}",
        dialect=model.dialect,
        worker=SCRIPT if trouble == "script" else f"{owner.slug}.rig{index:05d}",
        desired_state=DesiredState.SLEEPING if trouble == "asleep" else DesiredState.MINING,
    )


def _live(miner: Miner, trouble: str, index: int, now: datetime) -> Live | None:
    if trouble == "never":
        return None
    ths = miner.model.nominal_ths * (0.97 + 0.04 * sin(index))
    watts = round(miner.model.nominal_w * (0.98 + 0.04 * sin(index * 1.7)))
    chip = 66 + 12 * sin(index * 0.37)
    live = Live(
        miner_id=miner.pk,
        site_id=miner.site_id,
        host_id=miner.host_id,
        organization_id=miner.organization_id,
        slot_at=now,
        attempted_at=now - timedelta(seconds=20),
        sampled_at=now - timedelta(seconds=20 + index % 8),
        mode=Mode.MINING,
        hashrate_ths=ths,
        hashrate_short_ths=ths * 1.02,
        hashrate_window_s=1800,
        hashrate_nominal_ths=miner.model.nominal_ths,
        power_w=watts,
        power_source=PowerSource.FIRMWARE if index % 3 == 0 else PowerSource.PSU,
        temp_chip_max_c=chip,
        temp_board_max_c=chip - 12,
        temp_inlet_c=24.0,
        fan_min_rpm=4200,
        fan_max_rpm=4560,
        accepted=120_345 + index,
        rejected=12,
        stale=3,
        hw_errors=40,
        uptime_s=86_400 * 3 + index,
        boards_hashing=3,
        boards_total=3,
        fans_failed=0,
        pool_index=0,
        firmware="Stock 2024-05-01",
        detail=_detail(miner, ths, chip),
        rtt_ms=42.0,
        identity=Identity.CONFIRMED,
    )
    _befall(live, trouble, now)
    return live


def _befall(live: Live, trouble: str, now: datetime) -> None:
    gone = {"timeout": MissCause.TIMEOUT, "refused": MissCause.REFUSED}
    changes: dict[str, dict[str, Any]] = {
        "board": {"boards_hashing": 2, "hashrate_ths": (live.hashrate_ths or 0) * 0.66},
        "asleep": {"mode": Mode.SLEEPING, "hashrate_ths": 0.0, "power_w": 45},
        "asleep-unplanned": {"mode": Mode.SLEEPING, "hashrate_ths": 0.0, "power_w": 45},
        "hot": {"temp_chip_max_c": 97.5},
        "low": {"hashrate_ths": (live.hashrate_ths or 0) * 0.7},
        "error": {"mode": Mode.ERROR, "hashrate_ths": 0.0, "detail": {"errors": ["ERR_FAN 2010"]}},
        "fan": {"fans_failed": 1},
        "conflict": {"identity": Identity.CONFLICT, "control_held": True},
        "silent": {"attempted_at": now - timedelta(hours=3), "sampled_at": now - timedelta(hours=3)},
        "zero": {"hashrate_ths": 0.0, "uptime_s": 60, "mode": Mode.STARTING},
        "unknown-power": {"power_w": None, "power_source": PowerSource.NONE},
    }
    if trouble in gone:
        changes[trouble] = {
            "misses": 5,
            "miss_cause": gone[trouble],
            "sampled_at": now - timedelta(minutes=41),
            "next_due_at": now + timedelta(minutes=3),
        }
    for name, value in changes.get(trouble, {}).items():
        setattr(live, name, value)


def _detail(miner: Miner, ths: float, chip: float) -> dict[str, Any]:
    return {
        "boards": [
            {"i": i, "ths": ths / 3, "tb": chip - 12 - i, "tc": chip - i, "chips": 126, "chips_expected": 126}
            for i in range(3)
        ],
        "fans": [4200, 4380, None, 4560],
        "pools": [
            {
                "i": 0,
                "url": "stratum+tcp://pool.example:3333",
                "user": miner.worker,
                "alive": True,
                "active": True,
                "acc": 120_345,
                "rej": 12,
            },
            {"i": 1, "url": "stratum+tcp://backup.example:3333", "user": miner.worker, "alive": None},
        ],
        "errors": [],
    }


def _sweep(site: Site, miners: list[Miner], now: datetime) -> None:
    Sweep.objects.create(
        site_id=site.pk,
        shard=0,
        slot_at=now - timedelta(seconds=25),
        host_id=site.host_id,
        epoch=1,
        started_at=now - timedelta(seconds=25),
        finished_at=now - timedelta(seconds=18),
        planned=len(miners),
        good=max(0, len(miners) - 3),
        missed=3,
        misses={"timeout": 2, "refused": 1},
    )


def day(miner: Miner, now: datetime, *, gap: range = range(300, 420)) -> None:
    """A day of samples each minute, with one gap (minutes before now)."""
    nominal, watts = miner.model.nominal_ths, miner.model.nominal_w
    first = now.replace(second=0, microsecond=0)
    Sample.objects.bulk_create(
        Sample(
            site_id=miner.site_id,
            miner_id=miner.pk,
            host_id=miner.host_id,
            organization_id=miner.organization_id,
            slot_at=first - timedelta(minutes=m),
            sampled_at=first - timedelta(minutes=m) + timedelta(seconds=3),
            hashrate_ths=nominal * (0.97 + 0.03 * sin(m / 37)),
            power_w=round(watts * (1 + 0.02 * sin(m / 53))),
            temp_chip_max_c=68 + 6 * sin(m / 220),
            temp_inlet_c=22 + 5 * sin(m / 220),
            mode=Mode.MINING,
            power_source=PowerSource.PSU,
        )
        for m in range(1, 1439)
        if m not in gap
    )
