"""MicroBT's btminer, API 1.x and 2.x, plain reads on port 4028.

``summary``, ``devs`` and ``pools`` join; ``status``, ``get_error_code``, ``get_miner_info`` and
``get_version`` do not.  Rates are MH/s although ``Factory GHS`` in the same object is GH/s.  ``HS RT``
equals the 5-minute mean in captures, so it still shows work minutes after the miner was switched off:
``status`` (mineroff) is asked each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashinsight.integrations.miners.dialects.base import (
    MAX_BOARDS,
    MAX_ERROR_CODES,
    SHORT_WINDOW_S,
    Device,
    Request,
    Sections,
    body_of,
    counters,
    decide_mode,
    first_of,
    first_text,
    index_or,
    maximum,
    parse_pools,
    pick_windows,
    request,
)
from hashinsight.integrations.miners.readings import Board, PowerSource, Reading
from hashinsight.integrations.miners.units import (
    FIELD_UNITS,
    Guard,
    field_ths,
    integer,
    mac,
    nominal,
    rpm,
    seconds,
    temperature,
    text,
    ths,
    watts,
    windows,
)

HS_RT_WINDOW_S = 300
ERROR_CODES_EVERY = 10

_MHS = FIELD_UNITS["whatsminer_v2", "MHS *"]
_BOARD_RATES = ("MHS 1m", "MHS 5m", "MHS av", "MHS 5s")

_COMMANDS = ("summary", "devs", "pools")
_JOINED = (request(*_COMMANDS),)
_SINGLES = tuple(request(command) for command in _COMMANDS)
_STATUS = request("status", optional=True)
_ERROR_CODES = request("get_error_code", optional=True)


class WhatsminerV2:
    """Whatsminers up to firmware 2024-11, and later ones as far as they still answer on 4028."""

    name = "whatsminer_v2"
    essential: tuple[str, ...] = ("summary", "status")

    def poll_plan(self, device: Device) -> tuple[Request, ...]:
        plan = _SINGLES if device.joined_refused else _JOINED
        extra = [_STATUS] if "status" not in device.unsupported else []
        if device.polls % ERROR_CODES_EVERY == 0 and "get_error_code" not in device.unsupported:
            extra.append(_ERROR_CODES)
        return (*plan, *extra)

    def parse(self, replies: Sections, repairs: int = 0) -> Reading:
        summary = first_of(replies, "summary")
        status = first_of(replies, "status")
        factory = nominal(field_ths(self.name, "Factory GHS", summary.get("Factory GHS")))
        guard = Guard(factory, repairs)
        rates = _windows(summary, guard)
        short, long = pick_windows(rates)
        average = guard(field_ths(self.name, "MHS *", summary.get("MHS av"))) if long is None else None
        boards = tuple([_board(position, row, guard) for position, row in enumerate(_rows(replies))])
        pools = parse_pools(body_of(replies, "pools"))
        accepted, rejected, stale = counters(summary, pools)
        power = watts(summary.get("Power"))
        uptime = seconds(summary.get("Elapsed"))
        errors = _error_codes(summary, first_of(replies, "get_error_code"))
        asleep = _asleep(status)
        return Reading(
            hashrate_short_ths=None if short is None else short[1],
            hashrate_short_window_s=None if short is None else short[0],
            hashrate_long_ths=average if long is None else long[1],
            hashrate_long_window_s=None if long is None else long[0],
            hashrate_nominal_ths=factory,
            power_w=power,
            power_source=PowerSource.NONE if power is None else PowerSource.PSU,
            power_limit_w=watts(summary.get("Power Limit")),
            boards=boards,
            fans_rpm=_fans(summary),
            temp_inlet_c=temperature(summary.get("Env Temp")),
            temp_board_max_c=_board_temperature(summary, boards),
            temp_chip_max_c=temperature(summary.get("Chip Temp Max")),
            temp_chip_avg_c=temperature(summary.get("Chip Temp Avg")),
            pools=pools,
            accepted=accepted,
            rejected=rejected,
            stale=stale,
            hw_errors=integer(summary.get("Hardware Errors")),
            error_codes=errors,
            mode=decide_mode(
                recent_ths=_recent(short, asleep), asleep=asleep, uptime_s=uptime, error=bool(errors)
            ),
            mac=mac(summary.get("MAC")),
            firmware=_firmware(summary, status),
            uptime_s=uptime,
            repairs=guard.repairs,
        )


def _windows(summary: Mapping[str, Any], guard: Guard) -> dict[int, float]:
    found = windows("whatsminer_v2", summary)
    realtime = field_ths("whatsminer_v2", "HS RT", summary.get("HS RT"))
    if realtime is not None:
        found[HS_RT_WINDOW_S] = realtime
    return {window: rate for window, rate in sorted(found.items()) if guard(rate) is not None}


def _recent(short: tuple[int, float] | None, asleep: bool | None) -> float | None:
    """The rate that counts as evidence: a window of a minute, or the 5-minute one when ``status`` denies
    sleep.
    """
    if short is None:
        return None
    return short[1] if short[0] <= SHORT_WINDOW_S or asleep is False else None


def _asleep(status: Mapping[str, Any]) -> bool | None:
    """``mineroff`` (API 2) or ``btmineroff`` (API 1), text or boolean; ``None`` when the miner does not
    say.
    """
    value = status.get("mineroff", status.get("btmineroff"))
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _firmware(summary: Mapping[str, Any], status: Mapping[str, Any]) -> str | None:
    found = first_text(
        summary.get("Firmware Version"), status.get("FirmwareVersion"), status.get("Firmware Version")
    )
    return None if found is None else text(found.strip("'"))


def _fans(summary: Mapping[str, Any]) -> tuple[int | None, ...]:
    """(in, out); hydro machines have neither field, so they have no fans."""
    return tuple([rpm(summary[key]) for key in ("Fan Speed In", "Fan Speed Out") if key in summary])


def _board_temperature(summary: Mapping[str, Any], boards: tuple[Board, ...]) -> float | None:
    hottest = maximum([board.temp_board_c for board in boards])
    return temperature(summary.get("Temperature")) if hottest is None else hottest


def _rows(replies: Sections) -> list[dict[str, Any]]:
    return (body_of(replies, "devs") or body_of(replies, "edevs"))[:MAX_BOARDS]


def _board_rate(row: Mapping[str, Any]) -> float | None:
    """The first of the fields that is there."""
    for field in _BOARD_RATES:
        if field in row:
            return ths(row[field], _MHS)
    return None


def _board(position: int, row: Mapping[str, Any], guard: Guard) -> Board:
    get = row.get
    return Board(
        index=index_or(position, get("Slot", get("ASC"))),
        hashrate_ths=guard(_board_rate(row)),
        temp_board_c=temperature(get("Temperature")),
        temp_chip_c=temperature(get("Chip Temp Max")),
        chips=integer(get("Effective Chips")),
        serial=text(get("PCB SN")),
    )


def _error_codes(summary: Mapping[str, Any], reply: Mapping[str, Any]) -> tuple[str, ...]:
    """Codes of ``get_error_code`` ({"111": "2023-.."}, or bare), else API 1's ``Error Code 0..`` of the
    summary.
    """
    found: list[str | None] = []
    listed = reply.get("error_code")
    for entry in listed[:MAX_ERROR_CODES] if isinstance(listed, list) else []:
        names = list(entry)[:MAX_ERROR_CODES] if isinstance(entry, dict) else [entry]
        found += [_code(name) for name in names if name != "reason"]
    count = min(integer(summary.get("Error Code Count")) or 0, MAX_ERROR_CODES)
    found += [_code(summary.get(f"Error Code {position}")) for position in range(count)]
    return tuple(dict.fromkeys(code for code in found if code))[:MAX_ERROR_CODES]


def _code(value: object) -> str | None:
    return str(value) if type(value) is int and 0 < value < 10**9 else text(value, 32)
