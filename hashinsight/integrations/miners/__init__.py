"""Reading ASIC miners over their own protocols: pure asyncio, no Django.

Start with ``poll(Device(...))`` and ``identify(host)``; ``dialects`` says how to add a kind of firmware.
"""

from __future__ import annotations

from hashinsight.integrations.miners.decode import Section, decode, sections
from hashinsight.integrations.miners.dialects import DIALECTS, Device, Dialect, Request, get
from hashinsight.integrations.miners.errors import LocalFaultError, MinerError
from hashinsight.integrations.miners.http_digest import HttpLogin
from hashinsight.integrations.miners.identify import Identity, identify, read_identity, read_work_mode
from hashinsight.integrations.miners.poll import Polled, poll
from hashinsight.integrations.miners.readings import (
    Board,
    MacIdentity,
    MissCause,
    Mode,
    Pool,
    PowerSource,
    Reading,
    Repair,
    identity_of,
)
from hashinsight.integrations.miners.transport import DEFAULT_DEADLINES, Deadlines, ask

__all__ = [
    "DEFAULT_DEADLINES",
    "DIALECTS",
    "Board",
    "Deadlines",
    "Device",
    "Dialect",
    "HttpLogin",
    "Identity",
    "LocalFaultError",
    "MacIdentity",
    "MinerError",
    "MissCause",
    "Mode",
    "Polled",
    "Pool",
    "PowerSource",
    "Reading",
    "Repair",
    "Request",
    "Section",
    "ask",
    "decode",
    "get",
    "identify",
    "identity_of",
    "poll",
    "read_identity",
    "read_work_mode",
    "sections",
]
