"""A miner as the collector loads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hosting.telemetry.domain.device import DeviceRow

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
OWN, OTHER = "28:e2:97:00:00:01", "28:e2:97:00:00:02"


def device(**changes: Any) -> DeviceRow:
    """Miner 1 at 10.0.0.1:4028, of which nothing is remembered but ``changes``."""
    values: dict[str, Any] = {
        "miner_id": 1,
        "host_id": 1,
        "organization_id": 1,
        "address": "10.0.0.1",
        "port": 4028,
        "http_port": 80,
        "dialect": "antminer",
        "mac": OWN,
        "nominal_ths": 100.0,
    }
    return DeviceRow(**{**values, **changes})


def known(**changes: Any) -> DeviceRow:
    """The same, whose own machine was last seen at NOW with an uptime of 1,000 s."""
    memory: dict[str, Any] = {
        "address_key": "10.0.0.1:4028",
        "address_mac": OWN,
        "address_checked_at": NOW,
        "address_uptime_s": 1_000,
        "address_seen_at": NOW,
    }
    return device(**{**memory, **changes})
