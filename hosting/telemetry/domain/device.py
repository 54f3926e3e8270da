"""What the collector knows of one miner before it asks it, and which lane it takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hosting.telemetry.domain.codes import Identity

SUSPECT_AFTER_MISSES = 2
MAX_BACKOFF_S = 300
_GOLDEN = 2654435761  # Knuth's multiplicative hash: spreads neighbours in a rack over the whole sweep


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One miner of the inventory with the collector's memory of its address.

    ``mac`` is the inventory's; ``address_mac`` the one that last answered at ``address_key``. ``is_found``:
    ``address`` is not the inventory's, but where the lost miner was found (an open claim says so).
    """

    miner_id: int
    host_id: int
    organization_id: int
    address: str
    port: int
    http_port: int
    dialect: str
    mac: str
    nominal_ths: float
    misses: int = 0
    next_due_at: datetime | None = None
    joined_refused: bool = False
    identity: int = Identity.UNVERIFIED
    address_key: str = ""
    address_mac: str = ""
    address_checked_at: datetime | None = None
    address_uptime_s: int | None = None
    address_seen_at: datetime | None = None
    is_found: bool = False

    @property
    def key(self) -> str:
        """The address as remembered in ``address_key``."""
        return f"{self.address}:{self.port}"

    @property
    def remembers(self) -> bool:
        """Whether the memory is of the present address (an edited address voids it)."""
        return self.address_key == self.key


@dataclass(frozen=True, slots=True)
class Lanes:
    """The division of a shard: the living first come first served, suspects apart, the rest not due yet."""

    living: list[DeviceRow]
    suspects: list[DeviceRow]
    deferred: list[DeviceRow]


def split(rows: list[DeviceRow], now: datetime) -> Lanes:
    """Divide ``rows``: after two misses a miner is a suspect and waits for its ``next_due_at``.

    A new address is tried at once, however long the old one was silent.
    """
    lanes = Lanes([], [], [])
    for row in rows:
        if row.misses < SUSPECT_AFTER_MISSES:
            lanes.living.append(row)
        elif row.next_due_at is None or row.next_due_at <= now or not row.remembers:
            lanes.suspects.append(row)
        else:
            lanes.deferred.append(row)
    lanes.living.sort(key=lambda row: (row.miner_id * _GOLDEN) & 0xFFFFFFFF)
    return lanes


def next_due(row_id: int, misses: int, now: datetime, interval_s: int) -> datetime | None:
    """When a miner with ``misses`` in a row is tried again; None = at the next sweep.

    Doubles from one interval up to five minutes, less up to a fifth, by miner, so that a segment that
    died together does not come due together.
    """
    if misses < SUSPECT_AFTER_MISSES:
        return None
    wait_s = min(interval_s * 2.0 ** min(misses - SUSPECT_AFTER_MISSES, 16), MAX_BACKOFF_S)
    jitter = ((row_id * _GOLDEN) & 0xFFFF) / 0xFFFF
    return now + timedelta(seconds=wait_s * (1 - 0.2 * jitter))
