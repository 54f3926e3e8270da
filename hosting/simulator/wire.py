"""Requests of the cgminer API as a machine reads them, and its text form of replies.

A request arrives in one segment of at most 4,095 bytes, JSON if its first byte is `{`, else `CMD|PARAMETER`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

MAX_REQUEST = 4095
WRITE_COMMANDS = frozenset(
    {
        "open_write_api", "get_token", "power_off", "power_on", "reboot", "restart_btminer", "restart",
        "quit", "update_pools", "adjust_power_limit", "set_power_pct", "set_low_power", "set_normal_power",
        "set_high_power", "pre_power_on", "set_led", "factory_reset", "update_pwd", "ascset", "addpool",
        "removepool", "switchpool", "enablepool", "disablepool", "poolpriority", "save", "zero",
        "upfreq_speed",
    }
)  # fmt: skip
"""Commands that change a machine, or open the way to: every one seen is counted."""


@dataclass(slots=True)
class Request:
    """A parsed request. `error` is 0, 23 (invalid JSON) or 24 (no command); `count` is how often it came."""

    commands: tuple[str, ...]
    joined: bool = False
    parameter: str = ""
    text: bool = False
    error: int = 0
    count: int = 0

    @property
    def label(self) -> str:
        """The command as asked, for the counters."""
        return "+".join(self.commands)[:80] if not self.error else f"error-{self.error}"

    @property
    def writes(self) -> bool:
        """Whether it tries to change the machine (an encrypted Whatsminer write counts)."""
        return any(command in WRITE_COMMANDS for command in self.commands) or self.parameter == "enc"


def parse_request(raw: bytes) -> Request:
    """Read one request; never raises."""
    if len(raw) > MAX_REQUEST or raw.endswith(b"\0"):
        return Request((), error=23)
    if not raw.startswith(b"{"):
        command, _, parameter = raw.decode("utf-8", "replace").partition("|")
        return _request(command, parameter, text=True)
    try:
        data: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Request((), error=23)
    if data.get("enc"):
        return Request(("enc",), parameter="enc")
    command = data.get("command", data.get("cmd"))
    if not isinstance(command, str):
        return Request((), error=24)
    return _request(command, str(data.get("parameter", "")), text=False)


def _request(command: str, parameter: str, *, text: bool) -> Request:
    if "+" not in command:
        return Request((command,), parameter=parameter, text=text)
    members = tuple(dict.fromkeys(part for part in command.split("+") if part))
    return Request(members, joined=True, text=text)


def to_text(reply: str) -> str:
    """A JSON reply in the text form: `STATUS=S,When=..|SUMMARY,Elapsed=..|`."""
    data = orjson.loads(reply)
    if "STATUS" in data:
        return _text_sections(data)
    return "".join(
        f"CMD={command}|{_text_sections(value[0])}" for command, value in data.items() if command != "id"
    )


def _text_sections(data: dict[str, Any]) -> str:
    out = []
    for name, value in data.items():
        if name == "id" or not isinstance(value, list):
            continue
        for number, item in enumerate(value):
            pairs = ",".join(f"{key}={_text_value(item[key])}" for key in item)
            if name in {"STATUS", "POOLS", "DEVS"}:
                out.append(pairs if name == "STATUS" else f"{name[:-1]}={number},{pairs}")
            else:
                out.append(f"{name},{pairs}")
    return "|".join(out) + "|"


def _text_value(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for char in "\\|,=":
        text = text.replace(char, f"\\{char}")
    return text
