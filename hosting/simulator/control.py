"""The control port on 127.0.0.1: health, counters, truth and switches, as JSON over HTTP/1.1.

GET /health; GET /counters[?miners=1]; GET /truth[?since=EPOCH][&miners=1,2]; GET /served?since=EPOCH;
GET /journal[?since=EPOCH]; POST /switch {"miners": [..] | "share": x, "set": {..}}.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from hosting.simulator.oracle import TRUTH_TABLE, truth_row
from hosting.simulator.simulation import Simulation
from hosting.simulator.switches import SwitchError

MAX_BODY = 4_000_000
Query = dict[str, str]
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


class BadRequestError(ValueError):
    """The request does not make sense; the text says why."""


class Control:
    """Answers the control port."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    async def serve(self, port: int) -> asyncio.Server:
        """Listen on 127.0.0.1:`port` (0 picks one)."""
        return await asyncio.start_server(self._connection, "127.0.0.1", port)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, body = await self._dispatch(head, reader)
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            self.simulation.oracle.outcomes["control_broken"] += 1
        finally:
            writer.close()

    async def _dispatch(self, head: str, reader: asyncio.StreamReader) -> tuple[str, bytes]:
        method, _, rest = head.partition(" ")
        url = urlsplit(rest.partition(" ")[0])
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        try:
            data = await _body(head, reader)
            answer = self._answer(method, url.path, query, data)
        except (BadRequestError, SwitchError) as error:
            return "400 Bad Request", orjson.dumps({"error": str(error)})
        if answer is None:
            return "404 Not Found", orjson.dumps({"error": f"no {method} {url.path}"})
        return "200 OK", orjson.dumps(answer, option=_OPTIONS)

    def _answer(self, method: str, path: str, query: dict[str, str], data: bytes) -> Any:
        if method == "POST":
            return self._switch(data) if path == "/switch" else None
        page = _PAGES.get(path)
        return page(self.simulation, query) if page else None

    def _switch(self, data: bytes) -> dict[str, Any]:
        try:
            wanted = orjson.loads(data)
            changes = dict(wanted["set"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise BadRequestError('expected {"miners": [..] or "share": x, "set": {..}}') from None
        if "miners" in wanted:
            miners = wanted["miners"]
        elif isinstance(wanted.get("share"), int | float) and 0 < wanted["share"] <= 1:
            count = len(self.simulation.cards)
            miners = random.sample(range(count), round(count * wanted["share"]))
        else:
            raise BadRequestError("which miners? give `miners` or a `share` above 0 and up to 1")
        changed = self.simulation.switch(miners, changes)
        return {"changed": changed, "miners": list(miners)}


def _health(simulation: Simulation, query: Query) -> Any:
    return {
        "ok": True,
        "miners": len(simulation.cards),
        "started": simulation.started,
        "now": simulation.now,
    }


def _counters(simulation: Simulation, query: Query) -> Any:
    oracle = simulation.oracle
    each = {"per_miner": {"connections": oracle.connections, "requests": oracle.requests}}
    return oracle.counters() | (each if "miners" in query else {})


def _truth(simulation: Simulation, query: Query) -> Any:
    since, miners = _epoch(query), _indexes(query, len(simulation.cards))
    if since is None:
        return [truth_row(simulation.now, simulation.view.table[:, TRUTH_TABLE], miners)]
    return simulation.oracle.truth_since(since, miners)


def _served(simulation: Simulation, query: Query) -> Any:
    return simulation.oracle.served_since(_epoch(query) or 0.0, simulation.view.table)


def _journal(simulation: Simulation, query: Query) -> Any:
    since = _epoch(query) or 0.0
    return [entry for entry in simulation.oracle.journal if entry["t"] > since]


async def _body(head: str, reader: asyncio.StreamReader) -> bytes:
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-length":
            size = int(value) if value.strip().isdigit() else -1
            if not 0 <= size <= MAX_BODY:
                raise BadRequestError("the body is too large")
            return await reader.readexactly(size)
    return b""


def _epoch(query: dict[str, str]) -> float | None:
    if "since" not in query:
        return None
    try:
        return float(query["since"])
    except ValueError:
        raise BadRequestError("since is an epoch in seconds") from None


def _indexes(query: dict[str, str], count: int) -> list[int] | None:
    if "miners" not in query:
        return None
    try:
        out = [int(part) for part in query["miners"].split(",")]
    except ValueError:
        raise BadRequestError("miners are indexes with commas") from None
    if any(not 0 <= i < count for i in out):
        raise BadRequestError("no such miner")
    return out


_PAGES = {
    "/health": _health,
    "/counters": _counters,
    "/truth": _truth,
    "/served": _served,
    "/journal": _journal,
}
