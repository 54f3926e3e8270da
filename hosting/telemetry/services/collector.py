"""The asyncio sweep: ask every due miner once, hand over what came back in batches.

Two lanes with workers of their own, so that the dead never delay the living. One request is in flight
per miner at any time. Nothing here touches the database: batches go to a callback.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from hashinsight.integrations.miners.errors import LocalFaultError, MinerError
from hashinsight.integrations.miners.http_digest import HttpLogin
from hashinsight.integrations.miners.identify import read_identity, read_work_mode
from hashinsight.integrations.miners.poll import Device, Polled, poll
from hashinsight.integrations.miners.readings import Mode, Reading
from hashinsight.integrations.miners.transport import Deadlines
from hosting.telemetry.domain import identity
from hosting.telemetry.domain.device import DeviceRow, Lanes

FLUSH_ROWS: Final = 2000
FLUSH_S: Final = 1.0
SUSPECT_WORKERS: Final = 40
HTTP_IN_FLIGHT: Final = 32
ASK_AGAIN_S: Final = 3600.0
WORK_MODE_S: Final = 300.0
ANTMINER_ASLEEP: Final = 1
LOCAL_FAULT_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one try gave. ``mac`` is the MAC that certainly answered (None = not certain);
    ``checked`` says that it was asked for in this sweep."""

    row: DeviceRow
    polled: Polled
    at: datetime
    mac: str | None
    checked: bool


@dataclass(slots=True)
class Memory:
    """What polling learned about an address, with monotonic times in seconds.

    ``silent_at``: when it last did not tell its MAC; ``work_mode``: an Antminer's, read at ``work_mode_at``.
    """

    device: Device
    silent_at: float | None = None
    work_mode: int | None = None
    work_mode_at: float | None = None

    def may_ask(self, now_s: float) -> bool:
        """A machine that cannot tell its MAC is not asked again for an hour."""
        return self.silent_at is None or now_s - self.silent_at >= ASK_AGAIN_S


class Memories:
    """The memories of a worker process, by address; lost with it, and learned again by one poll each."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Memory] = {}

    def of(self, row: DeviceRow) -> Memory:
        """The memory of the miner's present address; the database's where there is none yet."""
        memory = self._known.get((row.key, row.dialect))
        if memory is None:
            device = Device(
                host=row.address,
                port=row.port,
                http_port=row.http_port,
                dialect=row.dialect,
                joined_refused=row.joined_refused and row.remembers,
            )
            memory = self._known[(row.key, row.dialect)] = Memory(device)
        return memory


@dataclass(slots=True)
class Plan:
    """How to sweep: whom, how many at once, the login of the miners' web pages, checks to spend."""

    lanes: Lanes
    memories: Memories
    in_flight: int
    login: HttpLogin | None
    identity_budget: int
    deadlines: Deadlines


Sink = Callable[[list[Outcome]], Awaitable[None]]


class Collector:
    """One sweep of one shard."""

    def __init__(self, plan: Plan, sink: Sink) -> None:
        self._plan = plan
        self._sink = sink
        self._buffer: list[Outcome] = []
        self._budget = plan.identity_budget
        self._http = asyncio.Semaphore(HTTP_IN_FLIGHT)
        self._wake = asyncio.Event()
        self._done = False

    async def run(self) -> None:
        """Ask everybody; returns when all was handed over. An error of the sink ends the sweep."""
        lanes = self._plan.lanes
        living, suspects = iter(lanes.living), iter(lanes.suspects)
        async with asyncio.TaskGroup() as group:
            flusher = group.create_task(self._flush_until_done())
            workers = [
                group.create_task(self._work(rows))
                for rows, most in ((living, self._plan.in_flight), (suspects, SUSPECT_WORKERS))
                for _ in range(most)
            ]
            await asyncio.wait(workers)
            self._done = True
            self._wake.set()
            await flusher

    async def _work(self, rows: Iterator[DeviceRow]) -> None:
        for row in rows:
            outcome = await self._ask(row)
            # Not in one expression: the buffer is another one after a flush during the await.
            self._buffer.append(outcome)
            if len(self._buffer) >= FLUSH_ROWS:
                self._wake.set()

    async def _ask(self, row: DeviceRow) -> Outcome:
        memory = self._plan.memories.of(row)
        try:
            polled = await poll(memory.device, self._plan.deadlines)
        except LocalFaultError:
            # This machine ran out of sockets, which says nothing of the miner: once more, then it fails.
            await asyncio.sleep(LOCAL_FAULT_PAUSE_S)
            polled = await poll(memory.device, self._plan.deadlines)
        at = datetime.fromtimestamp(time.time(), UTC)
        if polled.reading is None:
            return Outcome(row, polled, at, None, False)
        told, uptime_s = polled.reading.mac, polled.reading.uptime_s
        if polled.reading.mode is Mode.UNKNOWN and row.dialect == "antminer":
            polled = await self._with_work_mode(memory, polled, polled.reading)
        mac = identity.vouched_mac(row, told, uptime_s, at)
        if told is None and self._wants_check(row, memory, mac, at):
            asked = await self._ask_mac(memory)
            return Outcome(row, polled, at, asked or mac, asked is not None)
        return Outcome(row, polled, at, mac, told is not None)

    def _wants_check(self, row: DeviceRow, memory: Memory, mac: str | None, at: datetime) -> bool:
        """Doubt about a known machine is cleared now; first and daily checks as the budget allows."""
        if mac is None and identity.must_check(row):
            memory.device.forget()
            return True
        if self._budget > 0 and identity.check_is_due(row, at) and memory.may_ask(time.monotonic()):
            self._budget -= 1
            return True
        return False

    async def _with_work_mode(self, memory: Memory, polled: Polled, reading: Reading) -> Polled:
        """A sleeping stock Antminer answers with empty lists on 4028; its web page says that it sleeps."""
        if self._plan.login is None:
            return polled
        now_s = time.monotonic()
        if memory.work_mode_at is None or now_s - memory.work_mode_at >= WORK_MODE_S:
            async with self._http:
                try:
                    memory.work_mode = await read_work_mode(
                        memory.device, self._plan.login, self._plan.deadlines
                    )
                except MinerError:
                    memory.work_mode = None
            memory.work_mode_at = now_s
        if memory.work_mode != ANTMINER_ASLEEP:
            return polled
        return replace(polled, reading=replace(reading, mode=Mode.SLEEPING))

    async def _ask_mac(self, memory: Memory) -> str | None:
        async with self._http:
            try:
                found = await read_identity(memory.device, self._plan.login, self._plan.deadlines)
            except MinerError:
                found = None
        memory.silent_at = time.monotonic() if found is None or found.mac is None else None
        return found.mac if found else None

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
