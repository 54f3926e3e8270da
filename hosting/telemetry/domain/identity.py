"""Is the machine that answers the one in the inventory?

The MAC is the identity. Some firmware tells it in each reading; stock Antminers tell it only on their
web page, which is too dear to ask every minute. Between two checks the *uptime* vouches: a machine
whose uptime went on exactly as the clock did is the machine that answered before.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hosting.telemetry.domain.device import DeviceRow

RECHECK_AFTER = timedelta(hours=24)
UPTIME_SLACK_S = 5.0
UPTIME_DRIFT = 0.002  # a control board's clock may run this much fast or slow


def uptime_continues(row: DeviceRow, uptime_s: int | None, at: datetime) -> bool:
    """Whether ``uptime_s`` at ``at`` is what the machine last seen at this address must show now."""
    if uptime_s is None or row.address_uptime_s is None or row.address_seen_at is None:
        return False
    passed_s = (at - row.address_seen_at).total_seconds()
    slack_s = UPTIME_SLACK_S + UPTIME_DRIFT * max(passed_s, 0.0)
    return abs(row.address_uptime_s + passed_s - uptime_s) <= slack_s


def vouched_mac(row: DeviceRow, told_mac: str | None, uptime_s: int | None, at: datetime) -> str | None:
    """The MAC that this answer certainly comes from, without asking further; None = not certain."""
    if told_mac is not None:
        return told_mac
    if row.remembers and row.address_mac and uptime_continues(row, uptime_s, at):
        return row.address_mac
    return None


def must_check(row: DeviceRow, uptime_s: int | None, at: datetime) -> bool:
    """Whether an answer without a certain MAC is looked into in the same sweep.

    So it is where the uptime says that the machine is not the one of before (or rebooted), and where a
    lost miner is said to be: there only its MAC proves it.
    """
    if row.is_found and not (row.remembers and row.address_mac):
        return True
    if not row.remembers or row.address_seen_at is None:
        return False
    if uptime_s is None or row.address_uptime_s is None:
        return bool(row.address_mac)
    return not uptime_continues(row, uptime_s, at)


def check_is_due(row: DeviceRow, at: datetime) -> bool:
    """First check of an address, or the daily one; done as the sweep's budget allows."""
    if not row.remembers or not row.address_mac or row.address_checked_at is None:
        return True
    return at - row.address_checked_at >= RECHECK_AFTER
