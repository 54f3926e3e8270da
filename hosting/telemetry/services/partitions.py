"""Partitions of the samples table: made ahead by a function that runs with the owner's rights."""

from __future__ import annotations

from typing import Final

from django.db import connections

DAYS_BACK: Final = 7
DAYS_AHEAD: Final = 2


def keep(*, days_back: int = DAYS_BACK, days_ahead: int = DAYS_AHEAD) -> int:
    """Make the missing partitions from ``days_back`` to ``days_ahead`` around today; returns how many."""
    with connections["telemetry"].cursor() as cursor:
        cursor.execute("SELECT telemetry_keep_partitions(%s, %s)", [days_back, days_ahead])
        row = cursor.fetchone()
    return int(row[0])
