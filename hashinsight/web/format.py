"""Figures for people: a number with about four digits, and the unit that fits its size."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

THOUSAND: Final = 1000.0
_HASHRATE: Final = ("TH/s", "PH/s", "EH/s")
_POWER: Final = ("W", "kW", "MW", "GW")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def digits(value: float, significant: int = 4, most: int = 2) -> str:
    """``value`` with about ``significant`` digits, at most ``most`` after the point, grouped by thousands."""
    if value == 0:
        return "0"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 1
    return number_format(value, max(0, min(most, significant - whole)), use_l10n=True, force_grouping=True)


def _scaled(value: float, units: tuple[str, ...], first: float) -> tuple[str, str]:
    step = 0
    limit = first
    while abs(value) >= limit and step < len(units) - 1:
        value, step, limit = value / THOUSAND, step + 1, THOUSAND
    return digits(value), units[step]


def hashrate(ths: float) -> tuple[str, str]:
    """TH/s, from 1,000 on PH/s, from a million on EH/s."""
    return _scaled(ths, _HASHRATE, THOUSAND)


def power(watts: float) -> tuple[str, str]:
    """W up to 10 kW (what one machine draws), then kW, MW, GW."""
    if abs(watts) < 10 * THOUSAND:
        return number_format(round(watts), 0, use_l10n=True, force_grouping=True), "W"
    return _scaled(watts / THOUSAND, _POWER[1:], THOUSAND)


def count(value: float) -> tuple[str, str]:
    """A whole number."""
    return number_format(round(value), 0, use_l10n=True, force_grouping=True), ""


def duration(seconds: float) -> tuple[str, str]:
    """Seconds below two minutes, else the two largest of days, hours and minutes."""
    if seconds < 10:
        return digits(seconds, 2, 1), "s"
    if seconds < 2 * _MINUTE:
        return digits(round(seconds), 3, 0), "s"
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(whole.seconds, _HOUR)
    if whole.days:
        return f"{number_format(whole.days, 0, force_grouping=True)} d {hours}", "h"
    return (f"{hours} h {rest // _MINUTE}", "min") if hours else (f"{rest // _MINUTE}", "min")


KINDS: Final[dict[str, Callable[[float], tuple[str, str]]]] = {
    "hashrate": hashrate,
    "power": power,
    "efficiency": lambda value: (digits(value, 3, 1), "J/TH"),
    "temperature": lambda value: (digits(value, 3, 0), "°C"),
    "percent": lambda value: (digits(value, 3, 1), "%"),
    "rpm": lambda value: (digits(value, 5, 0), "rpm"),
    "milliseconds": lambda value: (digits(value, 3, 0), "ms"),
    "count": count,
    "duration": duration,
}


def show(kind: str, value: float) -> tuple[str, str]:
    """Number and unit of ``value`` as a ``kind`` of KINDS. Raises KeyError for another kind."""
    return KINDS[kind](value)


def ago(seconds: float) -> str:
    """An age in words: “34 s ago”."""
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE:
        return _("%(n)d s ago") % {"n": whole}
    if whole < 2 * _HOUR:
        return _("%(n)d min ago") % {"n": whole // _MINUTE}
    if whole < 2 * _DAY:
        return _("%(n)d h ago") % {"n": whole // _HOUR}
    days = whole // _DAY
    return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}
