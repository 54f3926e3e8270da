"""Numbers and units: the only place with a power of ten.

Canonical: TH/s, W, degrees Celsius, rpm.  The table follows captures and the vendors' documents; its traps
are the fields of one object in two units (Whatsminer ``HS RT`` in MH/s beside ``Factory GHS`` in GH/s).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import partial
from operator import itemgetter
from typing import Any, Final

from hashinsight.integrations.miners.layouts import Layouts
from hashinsight.integrations.miners.readings import Repair


class Unit(float, Enum):
    """A hashrate unit; as a number it is how many of it make one TH/s."""

    H = 1e12
    KH = 1e9
    MH = 1e6
    GH = 1e3
    TH = 1.0
    PH = 1e-3


# (dialect, field) -> unit.  "MHS *" and "GHS *" stand for every window of that name ("MHS 5s", "MHS av",
# "MHS 15m").
FIELD_UNITS: Final[Mapping[tuple[str, str], Unit]] = {
    ("antminer", "GHS *"): Unit.GH,
    ("antminer", "MHS *"): Unit.MH,
    ("antminer", "chain_rate"): Unit.GH,
    ("antminer", "rate_5s"): Unit.GH,
    ("antminer", "rate_30m"): Unit.GH,
    ("antminer", "rate_avg"): Unit.GH,
    ("antminer", "rate_real"): Unit.GH,
    ("antminer", "rate_ideal"): Unit.GH,
    ("antminer", "total_rateideal"): Unit.GH,
    ("whatsminer_v2", "HS RT"): Unit.MH,
    ("whatsminer_v2", "MHS *"): Unit.MH,
    ("whatsminer_v2", "Target MHS"): Unit.MH,
    ("whatsminer_v2", "Factory GHS"): Unit.GH,
    ("avalon", "MHS *"): Unit.MH,
    ("avalon", "GHSmm"): Unit.GH,
    ("avalon", "GHSspd"): Unit.GH,
    ("avalon", "GHSavg"): Unit.GH,
    ("avalon", "MGHS"): Unit.GH,
    ("cgminer", "MHS *"): Unit.MH,
    ("cgminer", "GHS *"): Unit.GH,
}

_UNIT_NAMES: Final[Mapping[str, Unit]] = {
    "H": Unit.H,
    "KH": Unit.KH,
    "MH": Unit.MH,
    "GH": Unit.GH,
    "TH": Unit.TH,
}

# "MHS 5s" is really "MHS %ds" of the log interval (api.c), so the window is read from the name.
_WINDOW = re.compile(r"(?P<unit>[MG]HS) (?P<count>[0-9]{1,6})(?P<scale>[smh])")
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600}

# Beyond this no counter and no measurement of a miner is believable (lifetime "Total MH" stays below).
SANE_LIMIT: Final = 1e18
# The largest machines sold are near 1.2 PH/s; without a nominal value this is the ceiling.
MAX_THS: Final = 5_000.0
NOMINAL_FACTOR: Final = 3.0

_NUMBER = re.compile(r"\s*([-+]?[0-9]{1,15}(?:\.[0-9]{0,20})?)\s*(W|kW|%|V|A|C|rpm|RPM|MHz)\s*")
_THOUSAND: Final = 1e3
_TEXT_LIMIT: Final = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HEX_PAIRS = re.compile(r"[0-9a-f]{12}")


def number(value: object) -> float | None:
    """A tolerant float: numbers, numbers as strings, "58.94W".  "", nan, inf, true, "524K", beyond 1e18:
    ``None``.
    """
    # JSON gives plain floats and ints, and True is none of them.
    if type(value) is float:
        return value if -SANE_LIMIT < value < SANE_LIMIT else None
    if type(value) is int:
        return float(value) if -SANE_LIMIT < value < SANE_LIMIT else None
    if not isinstance(value, str) or len(value) > 48 or not value.isascii() or "_" in value:
        return None
    try:
        parsed = float(value)
    except ValueError:
        return _with_unit(value)
    # A comparison with nan is false, so nan and inf end here.
    return parsed if -SANE_LIMIT < parsed < SANE_LIMIT else None


def _with_unit(value: str) -> float | None:
    match = _NUMBER.fullmatch(value)
    if match is None:
        return None
    return float(match[1]) * (_THOUSAND if match[2] == "kW" else 1)


def integer(value: object) -> int | None:
    """A tolerant counter: the whole part of ``number``, ``None`` when unknown or negative."""
    if type(value) is int:  # most counters, and most of a reply
        return value if 0 <= value < SANE_LIMIT else None
    parsed = number(value)
    return None if parsed is None or parsed < 0 else int(parsed)


def temperature(value: object) -> float | None:
    """Degrees Celsius; 0 and below -40 or above 200 mean "no sensor" (0 is what every firmware sends for
    none).
    """
    parsed = number(value)
    return None if parsed is None or parsed == 0 or not -40 <= parsed <= 200 else parsed


def temperatures(value: object) -> tuple[float | None, ...]:
    """Sensors of "73-45-64-65", of a list, or of one number; the rules of ``temperature`` hold for each."""
    if isinstance(value, str):
        parts = value[:256].split("-")
        try:
            # A part holds no minus sign, so none is below 0.
            return tuple([degrees if 0 < degrees <= 200 else None for degrees in map(float, parts)])
        except ValueError:
            return tuple(temperature(part) for part in parts)
    if isinstance(value, list):
        return tuple(temperature(part) for part in value[:64])
    return (temperature(value),)


def watts(value: object) -> float | None:
    """Watts; negative (Whatsminer's -1) and beyond 100 kW mean unknown."""
    parsed = number(value)
    return None if parsed is None or not 0 <= parsed <= 100 * _THOUSAND else parsed


def rpm(value: object) -> int | None:
    """Fan speed; a standing fan is 0, which is a fact and not unknown."""
    parsed = number(value)
    return None if parsed is None or not 0 <= parsed <= 100 * _THOUSAND else int(parsed)


def seconds(value: object) -> int | None:
    """Uptime in seconds; negative or above 50 years means unknown."""
    parsed = number(value)
    return None if parsed is None or not 0 <= parsed <= 50 * 366 * 86_400 else int(parsed)


def text(value: object, limit: int = _TEXT_LIMIT) -> str | None:
    """Text from a miner, at most ``limit`` characters, control characters as spaces; ``None`` when nothing
    is left.

    A NUL (sent as an escape it is legal JSON) would fail a whole batch in the database.
    """
    if not isinstance(value, str):
        return None
    cut = value[:limit]
    if not cut.isprintable():
        cut = _CONTROL.sub(" ", cut)
    return cut.strip() or None


def mac(value: object) -> str | None:
    """A MAC as ``aa:bb:cc:dd:ee:ff`` from any usual spelling; ``None`` for anything else, all zero or all
    ones.
    """
    if not isinstance(value, str) or len(value) > 32:
        return None
    digits = value.strip().lower().replace(":", "").replace("-", "").replace(".", "")
    if _HEX_PAIRS.fullmatch(digits) is None or digits in {"0" * 12, "f" * 12}:
        return None
    return bytes.fromhex(digits).hex(":")


def unit_named(value: object) -> Unit | None:
    """The unit in a ``rate_unit`` field ("GH", "GH/s", "MH/S"), ``None`` when it is absent or strange."""
    if not isinstance(value, str):
        return None
    return _UNIT_NAMES.get(value.strip().upper().removesuffix("/S"))


def ths(value: object, unit: Unit) -> float | None:
    """A hashrate in TH/s, ``None`` when unknown or negative."""
    parsed = number(value)
    if parsed is None or parsed < 0:
        return None
    return parsed / unit


def field_ths(dialect: str, field: str, value: object) -> float | None:
    """A field of the table in TH/s.  ``KeyError`` for a field without a row: that is a bug of the dialect."""
    return ths(value, FIELD_UNITS[dialect, field])


def window_seconds(name: str) -> int | None:
    """The window in a name such as "MHS 5s" or "GHS 30m", ``None`` for "MHS av" and anything else."""
    match = _WINDOW.fullmatch(name)
    return None if match is None else int(match["count"]) * _SECONDS[match["scale"]]


WindowField = tuple[int, str, Unit]  # window in seconds, name, unit


def _window_fields(dialect: str, names: tuple[str, ...]) -> tuple[WindowField, ...]:
    found: list[WindowField] = []
    for name in names:
        window, unit = window_seconds(name), FIELD_UNITS.get((dialect, f"{name[:3]} *"))
        if window is not None and unit is not None:
            found.append((window, name, unit))
    return tuple(sorted(found, key=itemgetter(0)))  # stable: of two names for one window the later one counts


_WINDOW_FIELDS: Final = {dialect: Layouts(partial(_window_fields, dialect)) for dialect, _ in FIELD_UNITS}


def windows(dialect: str, body: Mapping[str, Any]) -> dict[int, float]:
    """All windowed hashrates of an object: window in seconds -> TH/s, shortest first.

    ``KeyError`` for a dialect without a row in the table.
    """
    found: dict[int, float] = {}
    for window, name, unit in _WINDOW_FIELDS[dialect](body):
        rate = ths(body[name], unit)
        if rate is not None:
            found[window] = rate
    return found


def nominal(value: float | None) -> float | None:
    """A nominal hashrate in TH/s, ``None`` when it is zero or beyond any machine."""
    return value if value is not None and 0 < value <= MAX_THS else None


class Guard:
    """The plausibility guard: a hashrate outside 0..3 x nominal is dropped and flagged, never stored as a
    fact.

    Reasons seen: firmware that labels H/s as GH/s, libraries that differ by 1000, overflowing counters.
    """

    __slots__ = ("_limit", "repairs")

    def __init__(self, nominal_ths: float | None, repairs: int = 0) -> None:
        self._limit = MAX_THS if nominal_ths is None else NOMINAL_FACTOR * nominal_ths
        self.repairs = repairs

    def __call__(self, rate: float | None) -> float | None:
        if rate is None or 0 <= rate <= self._limit:
            return rate
        self.repairs |= Repair.IMPLAUSIBLE
        return None
