"""Switches: what they accept and what a collector must make of them."""

from __future__ import annotations

from typing import Any

import pytest

from hosting.simulator.switches import HEALTHY, REPLIES, TRANSPORTS, SwitchError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "no such switch: colour"),
        ({"transport": "slow"}, "transport"),
        ({"reply": "rude"}, "reply"),
        ({"mode": "dancing"}, "mode"),
        ({"boards_dead": [3]}, "boards_dead"),
        ({"fans_dead": [-1]}, "fans_dead"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"power_pct": 5}, "power_pct"),
        ({"clock_skew_s": 10**12}, "clock_skew_s"),
    ],
)
def test_a_wrong_switch_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SwitchError, match=message):
        HEALTHY.with_changes(changes)


def test_changes_leave_the_rest_alone() -> None:
    changed = HEALTHY.with_changes({"boards_dead": [2, 0, 2], "latency_ms": 20}).with_changes(
        {"psu_fault": True}
    )
    assert changed.boards_dead == (0, 2)
    assert changed.latency_ms == 20
    assert changed.psu_fault
    assert not HEALTHY.psu_fault


def test_the_cause_of_a_miss_is_the_transport_before_the_reply() -> None:
    assert HEALTHY.miss_cause is None
    assert HEALTHY.with_changes({"transport": "hang", "reply": "http"}).miss_cause == "timeout"
    assert HEALTHY.with_changes({"reply": "http"}).miss_cause == "wrong_protocol"
    assert HEALTHY.with_changes({"reply": "bare_nan"}).miss_cause is None


def test_causes_are_the_collectors() -> None:
    known = {
        None, "refused", "timeout", "reset", "empty", "truncated", "undecodable", "denied", "backend_down",
        "wrong_protocol",
    }  # fmt: skip
    assert set(TRANSPORTS.values()) | set(REPLIES.values()) <= known
