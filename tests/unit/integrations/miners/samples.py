"""Captured replies (outside the repository) and small replies of our own."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hashinsight.integrations.miners.decode import Section, decode, sections

_REPO = Path(__file__).resolve().parents[4]
_DATA = Path(os.environ.get("HI_SHARED_DATA") or _REPO.parent / "shared" / "data") / "miner_replies"


def available() -> bool:
    return (_DATA / "INDEX.json").is_file()


needs_captures = pytest.mark.skipif(not available(), reason="captured miner replies are not on this machine")


@cache
def index() -> list[dict[str, Any]]:
    if not available():
        return []
    entries: list[dict[str, Any]] = json.loads((_DATA / "INDEX.json").read_text("utf-8"))
    return entries


@cache
def entry(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_DATA / f"{name}.json").read_text("utf-8"))
    return loaded


def near(value: float) -> Any:
    """``value`` up to rounding, also as a member of a tuple."""
    return pytest.approx(value)


def raw(name: str) -> bytes:
    """The bytes of a capture as they are on the wire."""
    reply: str = entry(name)["raw"]
    return reply.encode("latin-1" if "latin1" in name else "utf-8")


def replies(group: str, **commands: str) -> dict[str, Section]:
    """Sections by command: ``replies("group", summary="summary", stats="stats")``."""
    found: dict[str, Section] = {}
    for command, suffix in commands.items():
        reply, _ = decode(raw(f"{group}__{suffix}"))
        found.update(sections(reply, command))
    return found


def reply(command: str, *rows: dict[str, Any], status: str = "S", code: int = 11) -> dict[str, Section]:
    """Sections of a single answer of our own."""
    names = {"estats": "STATS", "edevs": "DEVS"}
    document = {
        "STATUS": [{"STATUS": status, "When": 1, "Code": code, "Msg": "x", "Description": "y"}],
        names.get(command, command.upper()): list(rows),
        "id": 1,
    }
    return sections(json.loads(json.dumps(document)), command)


def flat(command: str, message: object, status: str = "S", code: int = 131) -> dict[str, Section]:
    """Sections of a flat answer, as btminer gives."""
    return sections({"STATUS": status, "When": 1, "Code": code, "Msg": message, "Description": ""}, command)
