"""The registry of dialects.

To add one (braiins, luxos, vnish, epic, auradine, bitaxe, whatsminer_v3 have their place here): write a
module beside these with a class that satisfies ``base.Dialect`` (a pure ``poll_plan`` and a pure
``parse``), add its fields to ``units.FIELD_UNITS``, teach ``identify.recognise`` its fingerprint, add one
entry below, and test it on captured replies.  A dialect on another transport than the cgminer API (HTTP,
port 4433) needs its own ``ask`` first.
"""

from __future__ import annotations

from hashinsight.integrations.miners.dialects.antminer import Antminer
from hashinsight.integrations.miners.dialects.avalon import Avalon
from hashinsight.integrations.miners.dialects.base import Device, Dialect, Request, decide_mode, request
from hashinsight.integrations.miners.dialects.cgminer import Cgminer
from hashinsight.integrations.miners.dialects.whatsminer_v2 import WhatsminerV2

__all__ = ["DIALECTS", "Device", "Dialect", "Request", "decide_mode", "get", "request"]

_ALL: tuple[Dialect, ...] = (Antminer(), WhatsminerV2(), Avalon(), Cgminer())
DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}


def get(name: str) -> Dialect:
    """The dialect of that name.  ``LookupError`` when there is none: a setting of ours is wrong, not the
    miner.
    """
    try:
        return DIALECTS[name]
    except KeyError:
        raise LookupError(f"unknown dialect {name!r}; known: {', '.join(sorted(DIALECTS))}") from None
