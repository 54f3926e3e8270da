"""The asyncio sweep: ask every due miner once, hand over what came back in batches.

Two lanes with workers of their own, so that the dead never delay the living. One request is in flight
per miner at any time. Nothing here touches the database: batches go to a callback.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from hosting.telemetry.domain.device import DeviceRow, Lanes
from hosting.telemetry.services.asking import Asker, Outcome

FLUSH_ROWS: Final = 2000
FLUSH_S: Final = 1.0
SUSPECT_WORKERS: Final = 40

Sink = Callable[[list[Outcome]], Awaitable[None]]


class Collector:
    """One sweep of one shard. ``in_flight``: how many of the living lane are asked at once."""

    def __init__(self, asker: Asker, lanes: Lanes, in_flight: int, sink: Sink) -> None:
        self._asker = asker
        self._lanes = lanes
        self._in_flight = in_flight
        self._sink = sink
        self._buffer: list[Outcome] = []
        self._wake = asyncio.Event()
        self._done = False

    async def run(self) -> None:
        """Ask everybody; returns when all was handed over. An error of the sink ends the sweep."""
        living, suspects = iter(self._lanes.living), iter(self._lanes.suspects)
        async with asyncio.TaskGroup() as group:
            flusher = group.create_task(self._flush_until_done())
            workers = [
                group.create_task(self._work(rows))
                for rows, most in ((living, self._in_flight), (suspects, SUSPECT_WORKERS))
                for _ in range(most)
            ]
            await asyncio.wait(workers)
            self._done = True
            self._wake.set()
            await flusher

    async def _work(self, rows: Iterator[DeviceRow]) -> None:
        for row in rows:
            outcome = await self._asker.ask(row)
            # Not in one expression: the buffer is another one after a flush during the await.
            self._buffer.append(outcome)
            if len(self._buffer) >= FLUSH_ROWS:
                self._wake.set()

    async def _flush_until_done(self) -> None:
        while not self._done:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), FLUSH_S)
            self._wake.clear()
            await self._flush()
        await self._flush()

    async def _flush(self) -> None:
        if self._buffer:
            batch, self._buffer = self._buffer, []
            await self._sink(batch)
