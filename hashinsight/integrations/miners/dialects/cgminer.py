"""Any other descendant of cgminer: only what the reference API (4.11.1) documents.

Rates are MH/s ("MHS 5s" is really "MHS %ds" of the log interval), some descendants use GHS names instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashinsight.integrations.miners.dialects.base import (
    MAX_BOARDS,
    Device,
    Request,
    Sections,
    body_of,
    counters,
    decide_mode,
    first_of,
    index_or,
    maximum,
    parse_pools,
    pick_windows,
    request,
)
from hashinsight.integrations.miners.readings import Board, Reading
from hashinsight.integrations.miners.units import (
    Guard,
    field_ths,
    integer,
    seconds,
    temperature,
    text,
    windows,
)

_COMMANDS = ("summary", "devs", "pools")
_JOINED = (request(*_COMMANDS),)
_SINGLES = tuple(request(command) for command in _COMMANDS)


class Cgminer:
    """The common denominator: hashrate, devices, pools, shares."""

    name = "cgminer"
    essential: tuple[str, ...] = ("summary",)

    def poll_plan(self, device: Device) -> tuple[Request, ...]:
        return _SINGLES if device.joined_refused else _JOINED

    def parse(self, replies: Sections, repairs: int = 0) -> Reading:
        summary = first_of(replies, "summary")
        guard = Guard(None, repairs)
        rates = {
            window: rate for window, rate in windows(self.name, summary).items() if guard(rate) is not None
        }
        short, long = pick_windows(rates)
        average = guard(_average(summary)) if long is None else None
        rows = body_of(replies, "devs")[:MAX_BOARDS]
        boards = tuple([_board(position, row, guard) for position, row in enumerate(rows)])
        pools = parse_pools(body_of(replies, "pools"))
        accepted, rejected, stale = counters(summary, pools)
        uptime = seconds(summary.get("Elapsed"))
        return Reading(
            hashrate_short_ths=None if short is None else short[1],
            hashrate_short_window_s=None if short is None else short[0],
            hashrate_long_ths=average if long is None else long[1],
            hashrate_long_window_s=None if long is None else long[0],
            boards=boards,
            temp_board_max_c=maximum([board.temp_board_c for board in boards]),
            pools=pools,
            accepted=accepted,
            rejected=rejected,
            stale=stale,
            hw_errors=integer(summary.get("Hardware Errors")),
            mode=decide_mode(recent_ths=None if short is None else short[1], asleep=None, uptime_s=uptime),
            uptime_s=uptime,
            repairs=guard.repairs,
        )


def _average(row: Mapping[str, Any]) -> float | None:
    for unit in ("MHS", "GHS"):
        rate = field_ths("cgminer", f"{unit} *", row.get(f"{unit} av"))
        if rate is not None:
            return rate
    return None


def _board(position: int, row: Mapping[str, Any], guard: Guard) -> Board:
    rates = windows("cgminer", row)
    rate = next((rates[window] for window in (60, 300, 900) if window in rates), None)
    return Board(
        index=index_or(position, row.get("ASC", row.get("PGA", row.get("GPU")))),
        hashrate_ths=guard(_average(row) if rate is None else rate),
        temp_board_c=temperature(row.get("Temperature")),
        serial=text(row.get("Serial")),
    )
