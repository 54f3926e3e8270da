"""Time: always aware, always UTC inside; the slots that samples belong to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def slot_of(moment: datetime, interval_s: int) -> datetime:
    """The start of the ``interval_s`` slot that ``moment`` lies in, counted from the epoch in UTC.

    Raises ValueError for a naive time or a non-positive interval.
    """
    if moment.tzinfo is None:
        raise ValueError("slot_of needs an aware time")
    if interval_s <= 0:
        raise ValueError("interval_s must be positive")
    epoch_s = int(moment.timestamp())
    return datetime.fromtimestamp(epoch_s - epoch_s % interval_s, UTC)


def day_of(moment: datetime) -> datetime:
    """Midnight UTC of the day of ``moment``."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def age_s(moment: datetime, *, at: datetime | None = None) -> float:
    """Seconds from ``moment`` to ``at`` (now when left out); never negative."""
    return max(0.0, ((at or now()) - moment) / timedelta(seconds=1))
