"""Asking one miner: the poll, and who it is when that is in doubt."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from hashinsight.integrations.miners.dialects import DIALECTS
from hashinsight.integrations.miners.errors import LocalFaultError, MinerError
from hashinsight.integrations.miners.http_digest import HttpLogin
from hashinsight.integrations.miners.identify import identify, read_identity, read_work_mode
from hashinsight.integrations.miners.poll import Device, Polled, poll
from hashinsight.integrations.miners.readings import MissCause, Mode, Reading
from hashinsight.integrations.miners.transport import Deadlines
from hosting.telemetry.domain import identity
from hosting.telemetry.domain.device import DeviceRow

HTTP_IN_FLIGHT: Final = 32
ASK_AGAIN_S: Final = 3600.0
TRY_AGAIN_S: Final = 150.0
WORK_MODE_S: Final = 300.0
ANTMINER_ASLEEP: Final = 1
LOCAL_FAULT_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one try gave.

    ``mac``: the MAC that certainly answered (None = not certain); ``checked``: it was asked for in this
    sweep; ``is_stranger``: certainly not the inventory's machine, although the MAC is not known (it speaks
    another dialect); ``is_doubtful``: it may be another machine than before, and could not be asked.
    """

    row: DeviceRow
    polled: Polled
    at: datetime
    mac: str | None
    checked: bool
    is_stranger: bool = False
    is_doubtful: bool = False


@dataclass(slots=True)
class Memory:
    """What polling learned about an address, with monotonic times in seconds.

    ``device.dialect`` is the one that really answers there. ``silent_at``: when the machine last did not
    tell its MAC; ``failed_at``: when it was in doubt and could not be asked; ``work_mode``: an
    Antminer's, read at ``work_mode_at``.
    """

    device: Device
    silent_at: float | None = None
    failed_at: float | None = None
    work_mode: int | None = None
    work_mode_at: float | None = None

    def may_ask(self, now_s: float) -> bool:
        """A machine that cannot tell its MAC is not asked again for an hour."""
        return self.silent_at is None or now_s - self.silent_at >= ASK_AGAIN_S

    def may_try(self, now_s: float) -> bool:
        """A machine in doubt that could not be asked is not tried again in each sweep."""
        return self.failed_at is None or now_s - self.failed_at >= TRY_AGAIN_S

    def forget(self, row: DeviceRow) -> None:
        """Another machine may answer now: start again from the inventory."""
        self.device.forget()
        self.device.dialect = row.dialect
        self.silent_at = self.work_mode_at = None


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


def _is_stranger(row: DeviceRow, memory: Memory, mac: str | None) -> bool:
    return mac is None and memory.device.dialect != row.dialect


class Asker:
    """Asks miners in one sweep. ``identity_budget``: how many identities may be asked for as a routine."""

    def __init__(
        self, memories: Memories, login: HttpLogin | None, deadlines: Deadlines, identity_budget: int
    ) -> None:
        self._memories = memories
        self._login = login
        self._deadlines = deadlines
        self._budget = identity_budget
        self._aside = asyncio.Semaphore(HTTP_IN_FLIGHT)

    async def ask(self, row: DeviceRow) -> Outcome:
        """Poll once; ask who it is when the answer leaves that in doubt."""
        memory = self._memories.of(row)
        polled, at = await self._poll(memory)
        told = polled.reading.mac if polled.reading else None
        uptime_s = polled.reading.uptime_s if polled.reading else None
        mac = identity.vouched_mac(row, told, uptime_s, at)
        doubtful = polled.reading is not None and mac is None and identity.must_check(row, uptime_s, at)
        if told is None and self._wants_check(row, memory, polled, doubtful, at):
            dialect = memory.device.dialect
            asked, failed = await self._who(memory)
            doubtful = doubtful and failed
            memory.failed_at = time.monotonic() if doubtful else None
            if memory.device.dialect != dialect:
                polled, at = await self._poll(memory)
            if polled.reading is not None:
                mac = asked or mac
                stranger = _is_stranger(row, memory, mac)
                return Outcome(row, polled, at, mac, asked is not None, stranger, doubtful)
        if polled.reading is None:
            return Outcome(row, polled, at, None, False)
        return Outcome(row, polled, at, mac, told is not None, _is_stranger(row, memory, mac), doubtful)

    async def _poll(self, memory: Memory) -> tuple[Polled, datetime]:
        try:
            polled = await poll(memory.device, self._deadlines)
        except LocalFaultError:
            # This machine ran out of sockets, which says nothing of the miner: once more, then it fails.
            await asyncio.sleep(LOCAL_FAULT_PAUSE_S)
            polled = await poll(memory.device, self._deadlines)
        at = datetime.fromtimestamp(time.time(), UTC)
        reading = polled.reading
        if reading is not None and reading.mode is Mode.UNKNOWN and memory.device.dialect == "antminer":
            polled = await self._with_work_mode(memory, polled, reading)
        return polled, at

    def _wants_check(
        self, row: DeviceRow, memory: Memory, polled: Polled, doubtful: bool, at: datetime
    ) -> bool:
        """Doubt about a known machine is cleared now; first and daily checks as the budget allows."""
        if polled.reading is None:
            return polled.miss is MissCause.WRONG_PROTOCOL and memory.may_ask(time.monotonic())
        if doubtful:
            if not memory.may_try(time.monotonic()):
                return False
            memory.forget(row)
            return True
        if self._budget > 0 and identity.check_is_due(row, at) and memory.may_ask(time.monotonic()):
            self._budget -= 1
            return True
        return False

    async def _who(self, memory: Memory) -> tuple[str | None, bool]:
        """The MAC of whoever answers, and whether asking failed; also learns another machine's dialect."""
        mac: str | None = None
        login, failed = self._login, False
        async with self._aside:
            try:
                known = await read_identity(memory.device, login, self._deadlines)
                mac = known.mac if known else None
            except MinerError:
                # No such page need not be a fault: another kind of machine may answer here.
                login, failed = None, True
            if mac is None:
                try:
                    mac, is_other = await self._identify(memory.device, login)
                    failed = failed and not is_other
                except MinerError:
                    failed = True
        memory.silent_at = time.monotonic() if mac is None else None
        return mac, failed and mac is None

    async def _identify(self, device: Device, login: HttpLogin | None) -> tuple[str | None, bool]:
        """The MAC by asking from the start, and whether it is another kind of machine than was thought."""
        found = await identify(device.host, device.port, self._deadlines, login, http_port=device.http_port)
        is_other = found.dialect in DIALECTS and found.dialect != device.dialect
        if is_other and found.dialect is not None:
            device.forget()
            device.dialect = found.dialect
        return found.mac, is_other

    async def _with_work_mode(self, memory: Memory, polled: Polled, reading: Reading) -> Polled:
        """A sleeping stock Antminer answers with empty lists on 4028; its web page says that it sleeps."""
        if self._login is None:
            return polled
        now_s = time.monotonic()
        if memory.work_mode_at is None or now_s - memory.work_mode_at >= WORK_MODE_S:
            async with self._aside:
                try:
                    memory.work_mode = await read_work_mode(memory.device, self._login, self._deadlines)
                except MinerError:
                    memory.work_mode = None
            memory.work_mode_at = now_s
        if memory.work_mode != ANTMINER_ASLEEP:
            return polled
        return replace(polled, reading=replace(reading, mode=Mode.SLEEPING))
