"""From a reading to table rows: bounded numbers, NULL for unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from hashinsight.integrations.miners import readings
from hosting.telemetry.domain.codes import MissCause, Mode, PowerSource

MODES: Final = {mode: Mode[mode.name].value for mode in readings.Mode}
POWER_SOURCES: Final = {source: PowerSource[source.name].value for source in readings.PowerSource}
MISS_CAUSES: Final = {cause: MissCause[cause.name].value for cause in readings.MissCause}

# The columns of telemetry_sample in the order of ``sample_row``, with their PostgreSQL types.
SAMPLE_COLUMNS: Final = (
    ("slot_at", "timestamptz"),
    ("sampled_at", "timestamptz"),
    ("host_id", "int4"),
    ("site_id", "int4"),
    ("organization_id", "int4"),
    ("miner_id", "int4"),
    ("hashrate_ths", "float4"),
    ("hashrate_short_ths", "float4"),
    ("power_w", "int4"),
    ("temp_chip_max_c", "float4"),
    ("temp_board_max_c", "float4"),
    ("temp_inlet_c", "float4"),
    ("rtt_ms", "float4"),
    ("accepted", "int8"),
    ("rejected", "int8"),
    ("stale", "int8"),
    ("hw_errors", "int8"),
    ("uptime_s", "int4"),
    ("repairs", "int4"),
    ("fan_min_rpm", "int2"),
    ("fan_max_rpm", "int2"),
    ("boards_hashing", "int2"),
    ("pool_index", "int2"),
    ("mode", "int2"),
    ("power_source", "int2"),
)

# Columns of telemetry_live that a good reading sets, beyond those shared with the sample.
LIVE_EXTRA_COLUMNS: Final = (
    ("hashrate_window_s", "int4"),
    ("hashrate_nominal_ths", "float4"),
    ("boards_total", "int2"),
    ("fans_failed", "int2"),
    ("firmware", "text"),
    ("detail", "text"),
)
_SMALL, _INT, _BIG, _REAL = 2**15 - 1, 2**31 - 1, 2**63 - 1, 3.4e38


@dataclass(frozen=True, slots=True)
class Key:
    """Whose reading it is and for which slot."""

    host_id: int
    site_id: int
    organization_id: int
    miner_id: int
    slot_at: datetime
    sampled_at: datetime


def sample_row(key: Key, reading: readings.Reading, rtt_ms: float) -> tuple[Any, ...]:
    """One row of telemetry_sample in the order of SAMPLE_COLUMNS."""
    fans = [rpm for rpm in reading.fans_rpm if rpm is not None]
    return (
        key.slot_at,
        key.sampled_at,
        key.host_id,
        key.site_id,
        key.organization_id,
        key.miner_id,
        _real(reading.hashrate_long_ths),
        _real(reading.hashrate_short_ths),
        None if (power_w := _real(reading.power_w)) is None else _bounded(round(power_w), _INT),
        _real(reading.temp_chip_max_c),
        _real(reading.temp_board_max_c),
        _real(reading.temp_inlet_c),
        _real(rtt_ms),
        _bounded(reading.accepted, _BIG),
        _bounded(reading.rejected, _BIG),
        _bounded(reading.stale, _BIG),
        _bounded(reading.hw_errors, _BIG),
        bounded_int4(reading.uptime_s),
        int(reading.repairs),
        _bounded(min(fans), _SMALL) if fans else None,
        _bounded(max(fans), _SMALL) if fans else None,
        _boards_hashing(reading),
        _active_pool(reading),
        MODES[reading.mode],
        POWER_SOURCES[reading.power_source],
    )


def live_extra(reading: readings.Reading) -> tuple[Any, ...]:
    """The further live columns in the order of LIVE_EXTRA_COLUMNS."""
    return (
        _bounded(reading.hashrate_long_window_s, _INT),
        _real(reading.hashrate_nominal_ths),
        len(reading.boards) or None,
        sum(1 for rpm in reading.fans_rpm if rpm == 0) if reading.fans_rpm else None,
        _text(reading.firmware or "")[:120],
        _detail(reading),
    )


def bounded_int4(value: int | None) -> int | None:
    """A number for an ``int4`` column; None for what it cannot hold."""
    return _bounded(value, _INT)


def _real(value: float | None) -> float | None:
    """A figure that a ``float4`` column can hold; None for the rest, and for what is no number."""
    return value if value is not None and -_REAL <= value <= _REAL else None


def _text(value: str) -> str:
    """Text that PostgreSQL can hold: without NUL and halves of characters."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _bounded(value: int | None, limit: int) -> int | None:
    """A number that its column can hold; what lies outside is no number that a miner can mean."""
    return value if value is not None and -limit <= value <= limit else None


def _boards_hashing(reading: readings.Reading) -> int | None:
    known = [board.hashrate_ths for board in reading.boards if board.hashrate_ths is not None]
    return sum(1 for rate in known if rate > 0) if known else None


def _active_pool(reading: readings.Reading) -> int | None:
    return next((_bounded(pool.index, _SMALL) for pool in reading.pools if pool.active), None)


def _detail(reading: readings.Reading) -> str:
    detail: dict[str, Any] = {
        "boards": [
            {
                "i": board.index,
                "ths": board.hashrate_ths,
                "tb": board.temp_board_c,
                "tc": board.temp_chip_c,
                "chips": _bounded(board.chips, _BIG),
                "chips_expected": _bounded(board.chips_expected, _BIG),
            }
            for board in reading.boards
        ],
        "fans": [_bounded(rpm, _BIG) for rpm in reading.fans_rpm],
        "pools": [
            {
                "i": pool.index,
                "url": _text(pool.url),
                "user": _text(pool.user),
                "alive": pool.alive,
                "active": pool.active,
                "acc": _bounded(pool.accepted, _BIG),
                "rej": _bounded(pool.rejected, _BIG),
            }
            for pool in reading.pools
        ],
        "errors": [_text(code) for code in reading.error_codes],
    }
    return orjson.dumps(detail).decode()
