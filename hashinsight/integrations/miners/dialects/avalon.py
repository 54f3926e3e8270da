"""Canaan's Avalon (a cgminer 4.11.1 fork) on port 4028.

``stats`` holds one string per module: ``KEY[values] KEY[values] ...`` under "MM ID0" (A-series), or, in
newer builds, "MM ID0:Summary" = ``'STATS':{KEY[values] ...}`` beside "HBinfo" = ``'HB0':{KEY[values]
...}``.  Rates are GH/s there and MH/s in ``summary``.  Power: WALLPOWER is the supply's wall side where the
build has it; PS[4] is its output side, lower by the loss of the supply; MPO is only the set point.
``version`` carries MAC and serial (DNA), so it is joined to every poll.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashinsight.integrations.miners.dialects.base import (
    MAX_BOARDS,
    MAX_FANS,
    Device,
    Request,
    Sections,
    body_of,
    counters,
    decide_mode,
    first_of,
    first_text,
    maximum,
    parse_pools,
    pick_windows,
    request,
)
from hashinsight.integrations.miners.readings import Board, PowerSource, Reading
from hashinsight.integrations.miners.units import (
    Guard,
    field_ths,
    integer,
    mac,
    nominal,
    number,
    rpm,
    seconds,
    temperature,
    watts,
    windows,
)

_PLANS = {
    (stats, joined): (request("summary", stats, "pools", "version"),)
    if joined
    else tuple(request(command) for command in ("summary", stats, "pools", "version"))
    for stats in ("stats", "estats")
    for joined in (True, False)
}
_FANS = tuple(f"Fan{position}" for position in range(1, MAX_FANS + 1))
_KEY_LIMIT = 512  # of one module string; the largest real one has about 90

Values = dict[str, str]


def parse_brackets(value: object) -> Values:
    """``Ver[1246-83] PS[0 1214] ..`` -> {"Ver": "1246-83", "PS": "0 1214"}; ``{}`` for anything that is no
    string.
    """
    if not isinstance(value, str):
        return {}
    found: Values = {}
    for part in value.split("]", _KEY_LIMIT)[:_KEY_LIMIT]:
        key, bracket, content = part.partition("[")
        if bracket:
            found[key.strip() if "{" not in key else key.rpartition("{")[2].strip()] = content
    return found


class Avalon:
    """Avalon A-series and the newer home miners."""

    name = "avalon"
    essential: tuple[str, ...] = ("summary", "stats", "estats")

    def poll_plan(self, device: Device) -> tuple[Request, ...]:
        command = "estats" if "stats" in device.unsupported else "stats"
        return _PLANS[command, not device.joined_refused]

    def parse(self, replies: Sections, repairs: int = 0) -> Reading:
        summary = first_of(replies, "summary")
        version = first_of(replies, "version")
        module, board_strings = _module(replies)
        theoretical = nominal(_first_rate("GHSmm", module))
        guard = Guard(theoretical, repairs)
        rates = {
            window: rate for window, rate in windows(self.name, summary).items() if guard(rate) is not None
        }
        short, long = pick_windows(rates)
        average = guard(_average(summary, module)) if long is None else None
        spot = guard(_first_rate("GHSspd", module))
        pools = parse_pools(body_of(replies, "pools"))
        accepted, rejected, stale = counters(summary, pools)
        power, source = _power(module)
        uptime = seconds(summary.get("Elapsed", module.get("Elapsed")))
        boards = _boards(module, board_strings, guard)
        return Reading(
            hashrate_short_ths=None if short is None else short[1],
            hashrate_short_window_s=None if short is None else short[0],
            hashrate_long_ths=average if long is None else long[1],
            hashrate_long_window_s=None if long is None else long[0],
            hashrate_nominal_ths=theoretical,
            power_w=power,
            power_source=source,
            power_limit_w=watts(module.get("MPO")),
            boards=boards,
            fans_rpm=_fans(module),
            temp_inlet_c=temperature(module.get("ITemp", module.get("Temp"))),
            temp_board_max_c=maximum([board.temp_board_c for board in boards]),
            temp_chip_max_c=temperature(module.get("TMax")),
            temp_chip_avg_c=temperature(module.get("TAvg")),
            pools=pools,
            accepted=accepted,
            rejected=rejected,
            stale=stale,
            hw_errors=integer(summary.get("Hardware Errors", module.get("HW"))),
            mode=decide_mode(
                recent_ths=spot if short is None else short[1], asleep=_asleep(module), uptime_s=uptime
            ),
            mac=mac(version.get("MAC")),
            serial=first_text(version.get("DNA"), module.get("DNA")),
            firmware=first_text(version.get("LVERSION"), version.get("VERSION"), module.get("Ver")),
            model_name=first_text(version.get("PROD"), version.get("MODEL")),
            uptime_s=uptime,
            repairs=guard.repairs,
        )


def _module(replies: Sections) -> tuple[Values, list[Values]]:
    """(the module's values, those of each hash board where they are apart).  The first module that is
    there.
    """
    for command in ("stats", "estats", "litestats"):
        for row in body_of(replies, command)[:4]:
            if "MM ID0" in row:
                return parse_brackets(row["MM ID0"]), []
            if "MM ID0:Summary" in row:
                return parse_brackets(row["MM ID0:Summary"]), _hash_boards(row.get("HBinfo"))
    return {}, []


def _hash_boards(value: object) -> list[Values]:
    """``'HB0':{..} 'HB1':{..}`` -> the values of each board."""
    if not isinstance(value, str):
        return []
    return [parse_brackets(part) for part in value.split("'HB")[1 : MAX_BOARDS + 1]]


def _numbers(values: Values, key: str) -> list[float | None]:
    return [number(part) for part in values.get(key, "").split()]


def _first_rate(key: str, module: Values) -> float | None:
    return field_ths("avalon", key, module.get(key))


def _average(summary: Mapping[str, Any], module: Values) -> float | None:
    rate = field_ths("avalon", "MHS *", summary.get("MHS av"))
    return _first_rate("GHSavg", module) if rate is None else rate


def _asleep(module: Values) -> bool | None:
    """SoftOFF is 0 when the miner works (1 and 4 are seen asleep)."""
    flag = number(module.get("SoftOFF"))
    return None if flag is None else flag != 0


def _power(module: Values) -> tuple[float | None, PowerSource]:
    wall = watts(module.get("WALLPOWER"))
    if wall is not None:
        return wall, PowerSource.MEASURED
    supply = _numbers(module, "PS")
    output = watts(supply[4]) if len(supply) > 4 else None
    return output, PowerSource.NONE if output is None else PowerSource.PSU


def _fans(module: Values) -> tuple[int | None, ...]:
    return tuple([rpm(module[key]) for key in _FANS if key in module])


def _boards(module: Values, apart: list[Values], guard: Guard) -> tuple[Board, ...]:
    """One board for each value of MGHS.  PVT_Tn lists the chips' temperatures: one entry a chip, 0 for a
    dead one.
    """
    rates = [guard(field_ths("avalon", "MGHS", rate)) for rate in _numbers(module, "MGHS")][:MAX_BOARDS]
    hottest = [temperature(value) for value in _numbers(module, "MTmax")]
    total = integer(module.get("TA"))
    expected = total // len(rates) if total and rates else None
    boards: list[Board] = []
    for index, rate in enumerate(rates):
        source = apart[index] if index < len(apart) else module
        sensors = source.get(f"PVT_T{index}", "").split()
        chip = hottest[index] if index < len(hottest) else maximum(map(temperature, sensors))
        boards.append(
            Board(
                index=index,
                hashrate_ths=rate,
                temp_board_c=temperature(module.get("HBOTemp")) if len(rates) == 1 else None,
                temp_chip_c=chip,
                chips=(len(sensors) - sensors.count("0")) or None,
                chips_expected=expected,
            )
        )
    return tuple(boards)
