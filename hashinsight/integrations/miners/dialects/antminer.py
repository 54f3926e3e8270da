"""Bitmain's stock firmware (bmminer, later cgminer 1.0.0) on port 4028.

``summary`` and ``stats`` in GH/s, numbers often as strings.  STATS is a list: an object about the software,
then one about the hardware; some builds drop the comma between them, some put everything in one.  The
numbering of boards and fans varies (S9: boards 6 to 8, fans 3 and 6; S17 and later: from 1).  The newer API
answers in the layout of the web pages instead: ``rate_5s``, ``fan``, ``chain``.  There is no MAC, no power
and no sleep flag on this port: a sleeping machine sends empty lists, so does a starting one; the work mode
is on the web page (``identify.read_work_mode``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

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
    index_or,
    maximum,
    mean,
    parse_pools,
    pick_windows,
    request,
)
from hashinsight.integrations.miners.layouts import Layouts
from hashinsight.integrations.miners.readings import Board, Reading
from hashinsight.integrations.miners.units import (
    FIELD_UNITS,
    Guard,
    Unit,
    integer,
    nominal,
    number,
    rpm,
    seconds,
    temperatures,
    text,
    ths,
    unit_named,
    windows,
)

_COMMANDS = ("summary", "stats", "pools")
_JOINED = (request(*_COMMANDS),)
_SINGLES = tuple(request(command) for command in _COMMANDS)

_BOARD_INDEX = re.compile(r"chain_(?:acn|rate)([0-9]{1,2})")
_FAN_INDEX = re.compile(r"fan([0-9]{1,2})")

_GHS = FIELD_UNITS["antminer", "GHS *"]
_CHAIN_RATE = FIELD_UNITS["antminer", "chain_rate"]
_WINDOWED = (("rate_5s", 5), ("rate_30m", 1800))
_HARDWARE = frozenset({"GHS 5s", "fan_num", "chain_rate1", "chain_acn1", "chain", "rate_5s", "miner_count"})

Temperatures = tuple[float | None, ...]


class _Slot(NamedTuple):
    """The names that one board has in the hardware object."""

    board: int
    chips: str
    rate: str
    serial: str
    temp_chip: str
    temp_pcb: str


class _Layout(NamedTuple):
    """What the names of a hardware object say: its fans and its slots, each by number."""

    fans: tuple[str, ...]
    slots: tuple[_Slot, ...]


def _slot(board: int, names: frozenset[str]) -> _Slot:
    newer_chip, newer_pcb = f"temp_chip{board}", f"temp_pcb{board}"
    return _Slot(
        board=board,
        chips=f"chain_acn{board}",
        rate=f"chain_rate{board}",
        serial=f"chain_sn{board}",
        temp_chip=newer_chip if newer_chip in names else f"temp2_{board}",
        temp_pcb=newer_pcb if newer_pcb in names else f"temp{board}",
    )


def _read_layout(names: tuple[str, ...]) -> _Layout:
    fans = sorted((int(match[1]), name) for name in names if (match := _FAN_INDEX.fullmatch(name)))
    boards = {int(match[1]) for name in names if (match := _BOARD_INDEX.fullmatch(name))}
    known = frozenset(names)
    return _Layout(
        fans=tuple(name for _, name in fans[:MAX_FANS]),
        slots=tuple(_slot(board, known) for board in sorted(boards)[:MAX_BOARDS]),
    )


_layout_of = Layouts(_read_layout)


class Antminer:
    """Stock Antminers of all generations that speak on port 4028."""

    name = "antminer"
    essential: tuple[str, ...] = ("summary", "stats")

    def poll_plan(self, device: Device) -> tuple[Request, ...]:
        return _SINGLES if device.joined_refused else _JOINED

    def parse(self, replies: Sections, repairs: int = 0) -> Reading:
        summary = first_of(replies, "summary")
        software, hardware = _split_stats(body_of(replies, "stats"))
        unit = unit_named(hardware.get("rate_unit"))
        ideal = nominal(_rate(hardware, ("total_rateideal", "rate_ideal"), unit))
        guard = Guard(ideal, repairs)
        rates = _windows(summary, hardware, unit)
        short, long = pick_windows(
            {window: rate for window, rate in rates.items() if guard(rate) is not None}
        )
        average = guard(_average(summary, hardware, unit)) if long is None else None
        layout = _layout_of(hardware)
        boards, chip_sensors = _boards(hardware, layout, unit, guard)
        pools = parse_pools(body_of(replies, "pools"))
        accepted, rejected, stale = counters(summary, pools)
        uptime = seconds(summary.get("Elapsed", hardware.get("Elapsed", hardware.get("elapsed"))))
        return Reading(
            hashrate_short_ths=None if short is None else short[1],
            hashrate_short_window_s=None if short is None else short[0],
            hashrate_long_ths=average if long is None else long[1],
            hashrate_long_window_s=None if long is None else long[0],
            hashrate_nominal_ths=ideal,
            boards=boards,
            fans_rpm=_fans(hardware, layout),
            temp_board_max_c=maximum([board.temp_board_c for board in boards]),
            temp_chip_max_c=maximum([board.temp_chip_c for board in boards]),
            temp_chip_avg_c=mean(chip_sensors),
            pools=pools,
            accepted=accepted,
            rejected=rejected,
            stale=stale,
            hw_errors=integer(summary.get("Hardware Errors", hardware.get("no_matching_work"))),
            mode=decide_mode(
                recent_ths=None if short is None else short[1],
                asleep=_asleep(hardware),
                uptime_s=uptime,
            ),
            firmware=first_text(software.get("CompileTime")),
            model_name=first_text(software.get("Type"), software.get("type")),
            uptime_s=uptime,
            repairs=guard.repairs,
        )


def _split_stats(stats: list[dict[str, Any]]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """(software, hardware) of STATS; both are the same object where there is only one."""
    if not stats:
        return {}, {}
    hardware = next((row for row in stats[:4] if not row.keys().isdisjoint(_HARDWARE)), stats[-1])
    return stats[0], hardware


def _rate(row: Mapping[str, Any], fields: tuple[str, ...], unit: Unit | None) -> float | None:
    """The first of the fields that is there; ``rate_unit`` outranks the table, these names carry no unit."""
    for field in fields:
        if field in row:
            return ths(row[field], unit or FIELD_UNITS["antminer", field])
    return None


def _windows(summary: Mapping[str, Any], hardware: Mapping[str, Any], unit: Unit | None) -> dict[int, float]:
    found = windows("antminer", hardware) | windows("antminer", summary)
    for field, window in _WINDOWED:
        rate = _rate(hardware, (field,), unit)
        if rate is not None:
            found.setdefault(window, rate)
    return dict(sorted(found.items()))


def _average(summary: Mapping[str, Any], hardware: Mapping[str, Any], unit: Unit | None) -> float | None:
    for row in (summary, hardware):
        rate = ths(row.get("GHS av"), _GHS)
        if rate is not None:
            return rate
    return _rate(hardware, ("rate_avg",), unit)


def _asleep(hardware: Mapping[str, Any]) -> bool | None:
    """The work mode where the layout of the web page carries it: 1 is sleep."""
    mode = number(hardware.get("miner-mode"))
    return None if mode is None else mode == 1


def _fans(hardware: Mapping[str, Any], layout: _Layout) -> tuple[int | None, ...]:
    """Fans by number.  S9-style builds list eight, two exist: ``fan_num`` says how many."""
    listed = hardware.get("fan")
    if isinstance(listed, list):
        return tuple(rpm(value) for value in listed[:MAX_FANS])
    speeds = [rpm(hardware[name]) for name in layout.fans]
    count = integer(hardware.get("fan_num"))
    if count is None or len(speeds) <= count:
        return tuple(speeds)
    turning = [speed for speed in speeds if speed]
    # Fewer turning than fitted: the missing ones stand still, that is the fault to be seen.
    return tuple(turning + [0] * (count - len(turning)))


def _boards(
    hardware: Mapping[str, Any], layout: _Layout, unit: Unit | None, guard: Guard
) -> tuple[tuple[Board, ...], list[float | None]]:
    """The boards and all their chip sensors."""
    chain = hardware.get("chain")
    if isinstance(chain, list):
        rows = [row for row in chain[:MAX_BOARDS] if isinstance(row, dict)]
        found = [_web_board(position, row, unit, guard) for position, row in enumerate(rows)]
    else:
        found = [
            _board(slot, hardware, unit or _CHAIN_RATE, guard)
            for slot in layout.slots
            if _is_fitted(slot, hardware)
        ]
    return tuple([board for board, _ in found]), [sensor for _, sensors in found for sensor in sensors]


def _is_fitted(slot: _Slot, hardware: Mapping[str, Any]) -> bool:
    """An empty slot has no chips and an empty rate; a dead board keeps its chips or its rate of 0.00."""
    return bool(integer(hardware.get(slot.chips))) or bool(number(hardware.get(slot.rate)))


def _board(slot: _Slot, hardware: Mapping[str, Any], unit: Unit, guard: Guard) -> tuple[Board, Temperatures]:
    get = hardware.get
    chips = temperatures(get(slot.temp_chip))
    board = Board(
        index=slot.board,
        hashrate_ths=guard(ths(get(slot.rate), unit)),
        temp_board_c=maximum(temperatures(get(slot.temp_pcb))),
        temp_chip_c=maximum(chips),
        chips=integer(get(slot.chips)),
        serial=text(get(slot.serial)),
    )
    return board, chips


def _web_board(
    position: int, row: Mapping[str, Any], unit: Unit | None, guard: Guard
) -> tuple[Board, Temperatures]:
    chips = temperatures(row.get("temp_chip"))
    board = Board(
        index=index_or(position, row.get("index")),
        hashrate_ths=guard(_rate(row, ("rate_real",), unit)),
        temp_board_c=maximum(temperatures(row.get("temp_pcb"))),
        temp_chip_c=maximum(chips),
        chips=integer(row.get("asic_num")),
        serial=text(row.get("sn")),
    )
    return board, chips
