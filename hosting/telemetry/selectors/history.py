"""A miner's last day as series."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.conf import settings

from hashinsight.core import clock
from hosting.fleet.models import Miner
from hosting.telemetry.models import Sample

SPAN: Final = timedelta(hours=24)
_FIELDS: Final = ("sampled_at", "hashrate_ths", "power_w", "temp_chip_max_c", "temp_inlet_c")
_GAP_INTERVALS: Final = 2.5


def history(miner: Miner, *, span: timedelta = SPAN) -> dict[str, Any]:
    """Columns ``t`` (Unix seconds), ``hashrate`` TH/s, ``power`` W, ``temp`` and ``inlet`` °C, oldest first.

    A pause of more than 2.5 sweeps holds a row of nulls, so that a line drawn through it breaks.
    """
    at = clock.now()
    rows = (
        Sample.objects.filter(site_id=miner.site_id, miner_id=miner.pk, slot_at__gte=at - span)
        .order_by("slot_at")
        .values_list(*_FIELDS)
    )
    gap_s = _GAP_INTERVALS * settings.SWEEP_INTERVAL_S
    columns: tuple[list[Any], ...] = ([], [], [], [], [])
    before: float | None = None
    for sampled_at, *values in rows:
        second = sampled_at.timestamp()
        if before is not None and second - before > gap_s:
            _append(columns, before + settings.SWEEP_INTERVAL_S, (None,) * len(values))
        _append(columns, second, values)
        before = second
    names = ("t", "hashrate", "power", "temp", "inlet")
    return {
        "from": round((at - span).timestamp()),
        "to": round(at.timestamp()),
        **dict(zip(names, columns, strict=True)),
    }


def _append(columns: tuple[list[Any], ...], second: float, values: Any) -> None:
    columns[0].append(round(second))
    for column, value in zip(columns[1:], values, strict=True):
        column.append(None if value is None else round(value, 2))
