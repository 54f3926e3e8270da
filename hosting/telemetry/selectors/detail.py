"""What one machine told: boards, fans, pools and errors, read from the live row with care.

The JSON was written by the collector from what a machine said, so nothing of its shape is taken for granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from hashinsight.core import clock
from hosting.fleet.models import Miner
from hosting.telemetry.domain.status import Reason, Seen, Status, judge
from hosting.telemetry.models import Live


@dataclass(frozen=True, slots=True)
class Parts:
    """Lists of dicts as the templates read them; an empty list = nothing was told."""

    boards: list[dict[str, Any]]
    fans: list[int | None]
    pools: list[dict[str, Any]]
    errors: list[str]


def parts(live: Live) -> Parts:
    """The detail of a live row."""
    detail = live.detail if isinstance(live.detail, dict) else {}
    return Parts(
        boards=[_board(item) for item in _dicts(detail.get("boards"))],
        fans=[_whole(item) for item in _list(detail.get("fans"))],
        pools=[_pool(item) for item in _dicts(detail.get("pools"))],
        errors=[str(item) for item in _list(detail.get("errors"))],
    )


def _board(item: dict[str, Any]) -> dict[str, Any]:
    chips, expected = _whole(item.get("chips")), _whole(item.get("chips_expected"))
    return {
        "number": (_whole(item.get("i")) or 0) + 1,
        "ths": _number(item.get("ths")),
        "board_c": _number(item.get("tb")),
        "chip_c": _number(item.get("tc")),
        "chips": chips,
        "chips_expected": expected,
        "is_short": chips is not None and expected is not None and chips < expected,
    }


def _pool(item: dict[str, Any]) -> dict[str, Any]:
    alive = item.get("alive")
    return {
        "number": (_whole(item.get("i")) or 0) + 1,
        "url": str(item.get("url") or ""),
        "user": str(item.get("user") or ""),
        "alive": alive if isinstance(alive, bool) else None,
        "active": item.get("active") is True,
        "accepted": _whole(item.get("acc")),
        "rejected": _whole(item.get("rej")),
    }


def judge_now(miner: Miner, live: Live | None) -> tuple[Status, Reason]:
    """Status and reasons of one machine at this moment."""
    seen = Seen(desired=miner.desired_state, nominal_ths=miner.model.nominal_ths)
    if live is not None:
        seen = Seen(
            desired=miner.desired_state,
            nominal_ths=miner.model.nominal_ths
            if live.hashrate_nominal_ths is None
            else live.hashrate_nominal_ths,
            **{name: getattr(live, name) for name in _JUDGED},
        )
    return judge(seen, clock.now(), settings.SWEEP_INTERVAL_S)


_JUDGED = (
    "attempted_at", "next_due_at", "sampled_at", "misses", "mode", "identity", "hashrate_ths",
    "temp_chip_max_c", "uptime_s", "boards_hashing", "boards_total", "fans_failed",
)  # fmt: skip


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in _list(value) if isinstance(item, dict)]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else round(number)
