"""What a miner's state amounts to: one word, and the reasons when it needs somebody.

The one definition. ``selectors/status.py`` says the same in SQL; a property test holds the two together.
Unknown figures (None) are never a reason: what was not seen accuses nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, IntFlag
from typing import Final

from hosting.telemetry.domain.codes import Identity, Mode

SILENT_INTERVALS: Final = 3
SILENT_GRACE_S: Final = 15
OFFLINE_MISSES: Final = 2
OFFLINE_INTERVALS: Final = 2.5
LOW_HASHRATE: Final = 0.85
SETTLED_S: Final = 900
HOT_CHIP_C: Final = 95.0


class Status(IntEnum):
    """One word for a miner."""

    UNKNOWN = 0
    ONLINE = 1
    ATTENTION = 2
    OFFLINE = 3
    ASLEEP = 4


class Reason(IntFlag):
    """Why a miner needs attention; the lowest bit is the most important."""

    CONFLICT = 1
    MOVED = 2
    ERROR = 4
    NOT_HASHING = 8
    MODE_UNKNOWN = 16
    ASLEEP_UNPLANNED = 32
    AWAKE_UNPLANNED = 64
    BOARDS = 128
    FANS = 256
    LOW_HASHRATE = 512
    HOT = 1024
    SLOW_START = 2048

    @property
    def first(self) -> Reason:
        """The most important one; no reason stays none."""
        return Reason(self.value & -self.value)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one miner: the inventory's wish and the live row. Hashrate in TH/s, chip in °C."""

    desired: str
    nominal_ths: float | None
    attempted_at: datetime | None = None
    next_due_at: datetime | None = None
    sampled_at: datetime | None = None
    misses: int = 0
    mode: int = Mode.UNKNOWN
    identity: int = Identity.UNVERIFIED
    hashrate_ths: float | None = None
    temp_chip_max_c: float | None = None
    uptime_s: int | None = None
    boards_hashing: int | None = None
    boards_total: int | None = None
    fans_failed: int | None = None


def silent_before(now: datetime, interval_s: int) -> datetime:
    """A miner not tried since then, and not put off beyond it, is unknown."""
    return now - timedelta(seconds=SILENT_INTERVALS * interval_s + SILENT_GRACE_S)


def offline_before(now: datetime, interval_s: int) -> datetime:
    """A miner that missed once and was last seen before then is offline."""
    return now - timedelta(seconds=OFFLINE_INTERVALS * interval_s)


def judge(seen: Seen, now: datetime, interval_s: int) -> tuple[Status, Reason]:
    """Status of a miner at ``now`` with sweeps every ``interval_s``; reasons only with ATTENTION."""
    if _is_silent(seen, now, interval_s):
        return Status.UNKNOWN, Reason(0)
    if _is_offline(seen, now, interval_s):
        return Status.OFFLINE, Reason(0)
    if seen.mode == Mode.SLEEPING and seen.desired in {"sleeping", "maintenance"}:
        return Status.ASLEEP, Reason(0)
    reasons = _reasons(seen)
    return (Status.ATTENTION, reasons) if reasons else (Status.ONLINE, reasons)


def _is_silent(seen: Seen, now: datetime, interval_s: int) -> bool:
    """The collector has not tried, nor is a put-off try still to come: nobody knows how the miner is."""
    if seen.attempted_at is None:
        return True
    expected = max(seen.attempted_at, seen.next_due_at or seen.attempted_at)
    return expected < silent_before(now, interval_s)


def _is_offline(seen: Seen, now: datetime, interval_s: int) -> bool:
    if seen.sampled_at is None or seen.misses >= OFFLINE_MISSES:
        return True
    return seen.misses == 1 and seen.sampled_at < offline_before(now, interval_s)


def _reasons(seen: Seen) -> Reason:
    mining = seen.mode == Mode.MINING
    unreadable = seen.mode == Mode.UNKNOWN
    running = mining or seen.mode == Mode.STARTING
    settled = seen.uptime_s is not None and seen.uptime_s >= SETTLED_S
    found = {
        Reason.CONFLICT: seen.identity == Identity.CONFLICT,
        Reason.MOVED: seen.identity == Identity.MOVED,
        Reason.ERROR: seen.mode == Mode.ERROR,
        Reason.NOT_HASHING: unreadable and seen.hashrate_ths == 0,
        Reason.MODE_UNKNOWN: unreadable and seen.hashrate_ths != 0,
        Reason.ASLEEP_UNPLANNED: seen.mode == Mode.SLEEPING,
        Reason.AWAKE_UNPLANNED: seen.desired == "sleeping" and mining,
        Reason.BOARDS: mining and _below(seen.boards_hashing, seen.boards_total),
        Reason.FANS: running and (seen.fans_failed or 0) > 0,
        Reason.LOW_HASHRATE: mining
        and settled
        and seen.nominal_ths is not None
        and _below(seen.hashrate_ths, seen.nominal_ths * LOW_HASHRATE),
        Reason.HOT: seen.temp_chip_max_c is not None and seen.temp_chip_max_c >= HOT_CHIP_C,
        Reason.SLOW_START: seen.mode == Mode.STARTING and settled,
    }
    total = Reason(0)
    for reason, holds in found.items():
        if holds:
            total |= reason
    return total


def _below(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value < limit
