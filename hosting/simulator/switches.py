"""What can be wrong with a miner, as switches: in the fleet file and, at run time, by the control port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

TRANSPORTS = {
    "ok": None,
    "refused": "refused",  # only in a fleet file: the miner's port is one where nobody listens
    "blackhole": "timeout",  # the SYN is dropped
    "hang": "timeout",  # accepted, never answered
    "reset": "reset",  # RST after the connection stands
    "denied": "empty",  # closed with 0 bytes, as an address outside --api-allow is
}
"""How connections go -> the cause a collector must book the miss under (None: no miss)."""

REPLIES = {
    "ok": None,
    # replies of real firmware that a safe repair makes readable
    "missing_comma": None,  # `}{` between list items
    "list_comma": None,  # `[,{`
    "trailing_comma": None,  # `,}`
    "raw_newline": None,  # a newline inside a string
    "control_bytes": None,  # other raw control bytes inside a string
    "temp0_quote": None,  # `""temp0`
    "error_code_list": None,  # `"error_code":["111":"2023-.."]`
    "quoted_nan": None,
    "bare_nan": None,
    "doubled": None,  # the whole reply twice, a NUL between
    "bad_utf8": None,
    "string_numbers": None,
    "empty_strings": None,
    "no_nul": None,
    "newline_end": None,
    "nul_newline": None,
    "script": None,  # markup in the worker name
    # replies that no repair makes a sample
    "truncated": "truncated",
    "id_only": "empty",  # `,"id":1}` and nothing else
    "bye": "empty",  # `{"BYE","id":1}`
    "huge": "undecodable",  # more than 1 MiB
    "deep": "undecodable",  # nested 100,000 deep
    "http": "wrong_protocol",
    "backend_down": "backend_down",
    "access_denied": "denied",  # code 45
}
"""How replies are spoilt -> the cause a collector must book the miss under (None: readable)."""

MODES = ("mining", "sleeping")


class SwitchError(ValueError):
    """A switch that does not exist or a value it cannot take."""


@dataclass(frozen=True, slots=True)
class Switches:
    """The behaviour of one miner; the default is a healthy one that answers at once.

    `latency_ms` is the median of a lognormal delay before the reply, `latency_sigma` its shape.
    `power_pct` is the power target in percent of the nameplate. `boards_dead` and `fans_dead` are indexes
    from 0. `clock_skew_s` is added to `When`. `swap_with` is the index of the miner it traded addresses with.
    """

    transport: str = "ok"
    reply: str = "ok"
    latency_ms: float = 0.0
    latency_sigma: float = 0.5
    serial_api: bool = False
    joined_refused: bool = False
    clock_skew_s: int = 0
    mode: str = "mining"
    power_pct: float = 100.0
    boards_dead: tuple[int, ...] = ()
    fans_dead: tuple[int, ...] = ()
    psu_fault: bool = False
    swap_with: int | None = None

    def with_changes(self, changes: Mapping[str, Any]) -> Switches:
        """These switches with `changes` applied; SwitchError names what is wrong."""
        unknown = sorted(set(changes) - _NAMES)
        if unknown:
            raise SwitchError(f"no such switch: {', '.join(unknown)}")
        values = dict(changes)
        for name in ("boards_dead", "fans_dead"):
            if name in values:
                values[name] = tuple(sorted({int(i) for i in values[name]}))
        changed = replace(self, **values)
        _check(changed)
        return changed

    @property
    def miss_cause(self) -> str | None:
        """The cause a collector must book for a poll of this miner, None if it must get a reading."""
        return TRANSPORTS[self.transport] or REPLIES[self.reply]


_NAMES = frozenset(f.name for f in fields(Switches))


def _check(value: Switches) -> None:
    wrong = {
        "transport": value.transport not in TRANSPORTS,
        "reply": value.reply not in REPLIES,
        "mode": value.mode not in MODES,
        "latency_ms": not 0 <= value.latency_ms <= 60_000,
        "latency_sigma": not 0 <= value.latency_sigma <= 3,
        "power_pct": not 20 <= value.power_pct <= 120,
        "boards_dead": any(not 0 <= i < 3 for i in value.boards_dead),
        "fans_dead": any(not 0 <= i < 4 for i in value.fans_dead),
        "clock_skew_s": abs(value.clock_skew_s) > 4 * 10**9,
    }
    bad = [name for name, is_wrong in wrong.items() if is_wrong]
    if bad:
        raise SwitchError(f"bad value for {', '.join(bad)}")


HEALTHY = Switches()
"""No misbehaviour."""
