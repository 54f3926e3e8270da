"""One poll of one miner: the dialect's requests one after another, then one reading, or one miss by its
cause.

There is never more than one request in flight to a miner (its API server is serial).  A poll is whole or a
miss: when one of the single requests fails, nothing of the others is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from hashinsight.integrations.miners import dialects
from hashinsight.integrations.miners.decode import (
    CODE_ACCESS_DENIED,
    CODE_INVALID_COMMAND,
    Section,
    decode,
    sections,
)
from hashinsight.integrations.miners.dialects.base import Device, Dialect, Request
from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.readings import MissCause, Reading
from hashinsight.integrations.miners.transport import DEFAULT_DEADLINES, Deadlines, ask

__all__ = ["Device", "Polled", "poll"]


@dataclass(frozen=True, slots=True)
class Polled:
    """The outcome: exactly one of ``reading`` and ``miss`` is set.

    ``requests``: connections opened (retries and fall-backs included).  ``rtt_ms``: the time they took
    together. ``joined_refused``: what is known now; ``device`` holds it too.
    """

    reading: Reading | None
    miss: MissCause | None
    detail: str
    requests: int
    rtt_ms: float
    joined_refused: bool
    repairs: int


class _RefusedJoinedError(Exception):
    """The miner does not answer joined commands.  ``certain``: it said "invalid command" (code 14)."""

    def __init__(self, *, certain: bool) -> None:
        super().__init__()
        self.certain = certain


class _Poll:
    """The state of one poll."""

    __slots__ = ("deadlines", "device", "repairs", "replies", "requests", "spent_s")

    def __init__(self, device: Device, deadlines: Deadlines) -> None:
        self.device = device
        self.deadlines = deadlines
        self.replies: dict[str, Section] = {}
        self.repairs = 0
        self.requests = 0
        self.spent_s = 0.0

    async def run(self, dialect: Dialect) -> Reading:
        """Asks and parses.  Raises ``MinerError``."""
        device = self.device
        try:
            await self._send(dialect.poll_plan(device))
        except _RefusedJoinedError as refusal:
            device.joined_refused = True
            try:
                await self._send(dialect.poll_plan(device))
                self._check_essential(dialect)
            except MinerError:
                # Only "invalid command" proves it; a miner that fails at everything proves nothing.
                device.joined_refused = refusal.certain
                raise
        device.polls += 1
        self._check_essential(dialect)
        return dialect.parse(self.replies, self.repairs)

    async def _send(self, plan: Sequence[Request]) -> None:
        for request in plan:
            try:
                answered = await self._ask(request)
            except MinerError:
                if request.optional:
                    continue
                raise
            if request.joined and not any(command in answered for command in request.commands[1:]):
                raise _refused_joined(answered)
            self._learn(request, answered)
            self.replies.update(answered)

    async def _ask(self, request: Request) -> dict[str, Section]:
        self.requests += 1
        started = perf_counter()
        try:
            raw = await ask(self.device.host, self.device.port, request.payload, self.deadlines)
        finally:
            self.spent_s += perf_counter() - started
        reply, repairs = decode(raw)
        self.repairs |= int(repairs)  # the flag's own "or" costs a microsecond
        return sections(reply, None if request.joined else request.commands[0])

    def _learn(self, request: Request, answered: dict[str, Section]) -> None:
        for command in request.commands:
            section = answered.get(command)
            if section is not None and section.code == CODE_INVALID_COMMAND and not section.ok:
                self.device.unsupported.add(command)

    def _check_essential(self, dialect: Dialect) -> None:
        """A miss when none of the essential commands was answered with success."""
        found = [self.replies[command] for command in dialect.essential if command in self.replies]
        for section in found:
            if section.ok:
                return
        failed = next((section for section in found if section.code is not None), None)
        if failed is None:
            raise MinerError(MissCause.EMPTY, "reply without content")
        detail = f"code {failed.code}: {failed.msg}"
        if failed.code == CODE_ACCESS_DENIED:
            raise MinerError(MissCause.DENIED, detail)
        raise MinerError(MissCause.WRONG_PROTOCOL, detail)


def _refused_joined(answered: dict[str, Section]) -> Exception:
    """What a reply means that is no joined one: a refusal, or nothing at all."""
    section = next(iter(answered.values()), None)
    if section is None or (section.code is None and not section.body):
        return MinerError(MissCause.EMPTY, "reply without content")
    return _RefusedJoinedError(certain=section.code == CODE_INVALID_COMMAND)


async def poll(device: Device, deadlines: Deadlines = DEFAULT_DEADLINES) -> Polled:
    """Polls one miner.

    A joined command that is refused (code 14) falls back to single ones at once; ``device`` remembers.
    Never raises for the miner's sake.  ``LookupError`` for an unknown dialect, ``LocalFaultError`` when
    this machine has no socket left: neither says anything about the miner.
    """
    dialect = dialects.get(device.dialect)
    state = _Poll(device, deadlines)
    reading: Reading | None = None
    miss: MissCause | None = None
    detail = ""
    try:
        reading = await state.run(dialect)
    except MinerError as error:
        miss, detail = error.cause, error.detail
    return Polled(
        reading=reading,
        miss=miss,
        detail=detail,
        requests=state.requests,
        rtt_ms=state.spent_s * 1_000,
        joined_refused=device.joined_refused,
        repairs=state.repairs if reading is None else reading.repairs,
    )
