"""The status of miners in SQL, beside the rows they belong to (twin of ``domain/status.py``).

Every query of miners with their live state starts from ``FROM_MINERS`` and uses these expressions, under
the aliases m (fleet_miner), l (telemetry_live) and k (fleet_minermodel), with ``parameters(scope, ...)``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.conf import settings

from hashinsight.core import clock
from hashinsight.core.scope import Scope
from hosting.fleet.choices import DesiredState
from hosting.telemetry.domain import status as rules
from hosting.telemetry.domain.codes import Identity, Mode
from hosting.telemetry.domain.status import Reason, Status

NOMINAL: Final = "COALESCE(l.hashrate_nominal_ths, k.nominal_ths)"

_SILENT = "(l.attempted_at IS NULL OR GREATEST(l.attempted_at, l.next_due_at) < %(silent_before)s)"
_OFFLINE = (
    f"(l.sampled_at IS NULL OR l.misses >= {rules.OFFLINE_MISSES}"
    " OR (l.misses = 1 AND l.sampled_at < %(offline_before)s))"
)
_ASLEEP = (
    f"(l.mode = {Mode.SLEEPING}"
    f" AND m.desired_state IN ('{DesiredState.SLEEPING}', '{DesiredState.MAINTENANCE}'))"
)
_MINING = f"l.mode = {Mode.MINING}"
_REASONS: Final[dict[Reason, str]] = {
    Reason.CONFLICT: f"l.identity = {Identity.CONFLICT}",
    Reason.MOVED: f"l.identity = {Identity.MOVED}",
    Reason.ERROR: f"l.mode = {Mode.ERROR}",
    Reason.NOT_HASHING: f"l.mode = {Mode.UNKNOWN} AND l.hashrate_ths = 0",
    Reason.MODE_UNKNOWN: f"l.mode = {Mode.UNKNOWN} AND l.hashrate_ths IS DISTINCT FROM 0",
    Reason.ASLEEP_UNPLANNED: f"l.mode = {Mode.SLEEPING}",
    Reason.AWAKE_UNPLANNED: f"m.desired_state = '{DesiredState.SLEEPING}' AND {_MINING}",
    Reason.BOARDS: f"{_MINING} AND l.boards_hashing < l.boards_total",
    Reason.FANS: f"l.mode IN ({Mode.MINING}, {Mode.STARTING}) AND l.fans_failed > 0",
    Reason.LOW_HASHRATE: f"{_MINING} AND l.uptime_s >= {rules.SETTLED_S}"
    f" AND l.hashrate_ths < {NOMINAL} * {rules.LOW_HASHRATE}",
    Reason.HOT: f"l.temp_chip_max_c >= {rules.HOT_CHIP_C}",
    Reason.SLOW_START: f"l.mode = {Mode.STARTING} AND l.uptime_s >= {rules.SETTLED_S}",
}
_ALL_REASONS: Final = " + ".join(
    f"CASE WHEN {condition} THEN {int(reason)} ELSE 0 END" for reason, condition in _REASONS.items()
)

# The columns `status` and `reasons`; `reasons` is 0 unless the status is ATTENTION.
STATUS: Final = (
    f"CASE WHEN {_SILENT} THEN {Status.UNKNOWN} WHEN {_OFFLINE} THEN {Status.OFFLINE}"
    f" WHEN {_ASLEEP} THEN {Status.ASLEEP} WHEN ({_ALL_REASONS}) <> 0 THEN {Status.ATTENTION}"
    f" ELSE {Status.ONLINE} END"
)
REASONS: Final = f"CASE WHEN {_SILENT} OR {_OFFLINE} OR {_ASLEEP} THEN 0 ELSE {_ALL_REASONS} END"

FROM_MINERS: Final = (
    " FROM fleet_miner m JOIN fleet_minermodel k ON k.id = m.model_id"
    " LEFT JOIN telemetry_live l ON l.miner_id = m.id AND l.site_id = m.site_id"
)
IN_SCOPE: Final = (
    " m.host_id = %(host_id)s"
    " AND (%(organization_id)s::bigint IS NULL OR m.organization_id = %(organization_id)s)"
    " AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY(%(site_ids)s::bigint[]))"
    f" AND m.desired_state <> '{DesiredState.RETIRED}'"
)
# In service and in the scope's view: what every count, list and map is made of.
MINERS_IN_SCOPE: Final = f"{FROM_MINERS} WHERE{IN_SCOPE}"


def parameters(scope: Scope, *, now: datetime | None = None, **more: Any) -> dict[str, Any]:
    """The values that the expressions above name, at ``now``, with the query's own ``more``."""
    at = now or clock.now()
    interval_s = settings.SWEEP_INTERVAL_S
    return {
        "host_id": scope.host_id,
        "organization_id": scope.organization_id,
        "site_ids": None if scope.site_ids is None else sorted(scope.site_ids),
        "silent_before": rules.silent_before(at, interval_s),
        "offline_before": rules.offline_before(at, interval_s),
        **more,
    }
