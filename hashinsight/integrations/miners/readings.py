"""What one look at a miner tells us: plain, frozen values in canonical units.

TH/s, watts, degrees Celsius, rpm, seconds.  ``None`` means "the miner did not say": it is never zero and
never a constant.  Every text field comes from the miner, so it is hostile input: it is cut to a bounded
length and freed of control characters (``units.text``), and it is otherwise passed on as plain text for the
reader to escape.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag, StrEnum


class Mode(StrEnum):
    """What the miner is doing, as far as the reading proves it (the rule: ``dialects.base.decide_mode``)."""

    MINING = "mining"
    SLEEPING = "sleeping"
    STARTING = "starting"
    ERROR = "error"
    UNKNOWN = "unknown"


class PowerSource(StrEnum):
    """Where a power figure comes from, best first."""

    MEASURED = "measured"  # a wall-side sensor in the miner
    PSU = "psu"  # the power supply's own telemetry
    FIRMWARE = "firmware"  # an estimate made by the firmware
    MODEL = "model"  # a model curve of ours
    NONE = "none"


class MissCause(StrEnum):
    """Why a poll gave no reading."""

    REFUSED = "refused"  # RST to the SYN
    TIMEOUT = "timeout"  # connect, first byte or total deadline; also "no route"
    RESET = "reset"  # RST after the connect, without a full reply
    EMPTY = "empty"  # closed with 0 bytes (address not in api-allow), or a reply without any content
    TRUNCATED = "truncated"  # a cut reply
    UNDECODABLE = "undecodable"  # no safe repair makes it JSON; too deep; too big
    DENIED = "denied"  # STATUS code 45, an access-denied text, or 401 after our login
    BACKEND_DOWN = "backend_down"  # a proxy answered, the mining process behind it did not
    WRONG_PROTOCOL = (
        "wrong_protocol"  # HTTP on the API port, or a miner that does not know the dialect's commands
    )


class Repair(IntFlag):
    """What had to be mended in a reply, as a bit mask that adds up over the replies of one poll."""

    NONE = 0
    MISSING_COMMA = 1  # }{
    EXTRA_COMMA = 2  # [,{
    TRAILING_COMMA = 4  # ,} or ,]
    MISSING_SEPARATOR = 8  # "value""temp0":
    CONTROL_BYTES = 16  # raw control bytes in a string became spaces
    NON_FINITE = 32  # nan or inf, bare or quoted: read as null
    DOUBLED = 64  # bytes after the first NUL were dropped
    ERROR_LIST = 128  # "error_code":["111":"..."] became [{"111":"..."}]
    LEADING_COMMA = 256  # ,"id":1} : a reply without content
    BARE_BYE = 512  # {"BYE","id":1}
    BAD_UTF8 = 1024  # bytes that are no UTF-8 became U+FFFD
    TEXT_PROTOCOL = 2048  # STATUS=S,...| instead of JSON
    IMPLAUSIBLE = 4096  # a hashrate outside 0..3 x nominal was dropped


@dataclass(frozen=True, slots=True)
class Board:
    """One hash board.  ``temp_board_c`` and ``temp_chip_c`` are the board's hottest sensors."""

    index: int
    hashrate_ths: float | None = None
    temp_board_c: float | None = None
    temp_chip_c: float | None = None
    chips: int | None = None
    chips_expected: int | None = None
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """One configured pool.  ``active``: the miner says that it works for this pool now."""

    index: int
    url: str
    user: str
    alive: bool | None
    active: bool
    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One sample of one miner.

    ``hashrate_short_ths`` is the shortest window that the firmware offers, ``hashrate_long_ths`` the best
    one of 5 to 30 minutes; where only a mean since start exists it is the long one with window ``None``
    (the window is then ``uptime_s``).  Shares and hardware errors are counters since the start of the
    mining process.
    """

    hashrate_short_ths: float | None = None
    hashrate_short_window_s: int | None = None
    hashrate_long_ths: float | None = None
    hashrate_long_window_s: int | None = None
    hashrate_nominal_ths: float | None = None
    power_w: float | None = None
    power_source: PowerSource = PowerSource.NONE
    power_limit_w: float | None = None
    boards: tuple[Board, ...] = ()
    fans_rpm: tuple[int | None, ...] = ()
    temp_inlet_c: float | None = None
    temp_board_max_c: float | None = None
    temp_chip_max_c: float | None = None
    temp_chip_avg_c: float | None = None
    pools: tuple[Pool, ...] = ()
    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    hw_errors: int | None = None
    error_codes: tuple[str, ...] = ()
    mode: Mode = Mode.UNKNOWN
    mac: str | None = None
    serial: str | None = None
    firmware: str | None = None
    model_name: str | None = None
    uptime_s: int | None = None
    hostname: str | None = None
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class MacIdentity:
    """Who a miner says it is; each field ``None`` where it does not say."""

    mac: str | None = None
    serial: str | None = None
    firmware: str | None = None
    hostname: str | None = None
    model_name: str | None = None


def identity_of(reading: Reading) -> MacIdentity | None:
    """The identity that a reading itself carries, or ``None`` when it has neither MAC nor serial."""
    if reading.mac is None and reading.serial is None:
        return None
    return MacIdentity(
        mac=reading.mac,
        serial=reading.serial,
        firmware=reading.firmware,
        hostname=reading.hostname,
        model_name=reading.model_name,
    )
