"""A small miner on the loopback device, with bad manners on request."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


def section(command: str, *rows: dict[str, Any], status: str = "S", code: int = 11) -> dict[str, Any]:
    """A single reply."""
    head: dict[str, Any] = {
        "STATUS": [{"STATUS": status, "When": 1, "Code": code, "Msg": "m", "Description": "d"}]
    }
    return head | ({command.upper(): list(rows)} if rows else {}) | {"id": 1}


INVALID = section("", status="E", code=14)
DENIED = section("", status="E", code=45)


class FakeMiner:
    """Answers single and joined JSON commands from ``replies``; ``behaviour`` replaces the answering."""

    def __init__(
        self, replies: dict[str, dict[str, Any]] | None = None, behaviour: Behaviour | None = None
    ) -> None:
        self.replies = replies or {}
        self.behaviour = behaviour
        self.joined_refused = False
        self.commands: list[str] = []
        self.requests: list[bytes] = []
        self.open = 0
        self.most_open = 0
        self.port = 0

    def answer(self, request: bytes) -> bytes:
        command = json.loads(request)["command"]
        self.commands.append(command)
        if "+" not in command:
            document = self.replies.get(command, INVALID)
        elif self.joined_refused:
            document = INVALID
        else:
            document = {name: [self.replies.get(name, INVALID)] for name in command.split("+")} | {"id": 1}
        return json.dumps(document, separators=(",", ":")).encode() + b"\0"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            request = await reader.read(4096)
            self.requests.append(request)
            if self.behaviour is not None:
                await self.behaviour(reader, writer, request)
            else:
                writer.write(self.answer(request))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def serving(miner: FakeMiner) -> AsyncIterator[FakeMiner]:
    """The miner listening on a free port of 127.0.0.1."""
    server = await asyncio.start_server(miner.handle, "127.0.0.1", 0)
    miner.port = server.sockets[0].getsockname()[1]
    try:
        yield miner
    finally:
        server.close()
        await server.wait_closed()


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
