"""What a dialect is, and the rules that all dialects share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from hashinsight.integrations.miners.decode import Section
from hashinsight.integrations.miners.readings import Mode, Pool, Reading
from hashinsight.integrations.miners.units import integer, text

MAX_BOARDS = 32
MAX_POOLS = 16
MAX_FANS = 16
MAX_ERROR_CODES = 64
MAX_INDEX = 1000

STARTING_S = 600
SHORT_WINDOW_S = 60

Sections = Mapping[str, Section]


@dataclass(slots=True)
class Device:
    """One miner's address and what polling learns about it; the caller keeps it from poll to poll.

    ``joined_refused``: answers joined commands with code 14.  ``unsupported``: single commands it does not
    know. Forget both (``forget``) when its firmware changes.
    """

    host: str
    port: int = 4028
    dialect: str = ""
    joined_refused: bool = False
    http_port: int = 80
    unsupported: set[str] = field(default_factory=set)
    polls: int = 0

    def forget(self) -> None:
        """Drops what was learned, as after a change of firmware or of the miner behind the address."""
        self.joined_refused = False
        self.unsupported.clear()
        self.polls = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One connection: its bytes, and the commands that its reply answers (several when joined).

    ``optional``: a failure of this request does not make the poll a miss.
    """

    payload: bytes
    commands: tuple[str, ...]
    optional: bool = False

    @property
    def joined(self) -> bool:
        return len(self.commands) > 1


def request(*commands: str, parameter: str | None = None, optional: bool = False) -> Request:
    """A JSON request for one command, or for several joined by ``+`` (report commands only, no parameter)."""
    if parameter is not None and len(commands) > 1:
        raise ValueError("joined commands take no parameter")
    body = {"command": "+".join(commands)}
    if parameter is not None:
        body["parameter"] = parameter
    return Request(orjson.dumps(body), commands, optional)


class Dialect(Protocol):
    """How to ask one family of firmware and how to read its answers.  Pure: no I/O, no clock."""

    name: str
    # A poll is a miss unless at least one of these commands was answered with success.
    essential: tuple[str, ...]

    def poll_plan(self, device: Device) -> tuple[Request, ...]:
        """The requests of one poll, sent one after another."""
        ...

    def parse(self, replies: Sections, repairs: int = 0) -> Reading:
        """The reading in the sections by command; a missing or failed section leaves its fields ``None``.

        Never raises for anything a miner can send.
        """
        ...


def decide_mode(
    *, recent_ths: float | None, asleep: bool | None, uptime_s: int | None, error: bool = False
) -> Mode:
    """The mode that the evidence proves; without evidence it is UNKNOWN, never a guess.

    - SLEEPING: the firmware says so (Avalon SoftOFF, Whatsminer mineroff, Antminer work mode 1).  It
      outranks a hashrate, whose window may still hold work from before.
    - MINING: hashrate above 0 in a window of at most 60 s and no word of sleep.
    - ERROR: hashrate 0 and the firmware reports error codes or an error state.
    - STARTING: hashrate 0 and the mining process runs for less than 10 minutes.
    - UNKNOWN: all else.  An Antminer's empty STATS and SUMMARY lists mean asleep or starting: they prove
      neither.
    """
    if asleep:
        return Mode.SLEEPING
    if recent_ths is None:
        return Mode.UNKNOWN
    if recent_ths > 0:
        return Mode.MINING
    if error:
        return Mode.ERROR
    if uptime_s is not None and uptime_s < STARTING_S:
        return Mode.STARTING
    return Mode.UNKNOWN


def body_of(replies: Sections, command: str) -> list[dict[str, Any]]:
    """The objects of a command that was answered with success, else nothing."""
    section = replies.get(command)
    return section.body if section is not None and section.ok else []


def first_of(replies: Sections, command: str) -> dict[str, Any]:
    """The first object of a command that was answered with success, else ``{}``."""
    body = body_of(replies, command)
    return body[0] if body else {}


def maximum(values: Iterable[float | None]) -> float | None:
    """The largest known value, ``None`` when all are unknown."""
    known = [value for value in values if value is not None]
    return max(known) if known else None


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the known values, ``None`` when all are unknown."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def first_text(*values: object) -> str | None:
    """The first value that is text with something in it."""
    for value in values:
        found = text(value)
        if found is not None:
            return found
    return None


def index_or(position: int, value: object) -> int:
    """The number that the miner gives a board or a pool, its position where it gives none to believe."""
    index = integer(value)
    return position if index is None or index > MAX_INDEX else index


_ALIVE = {"alive": True, "dead": False, "disabled": False, "rejecting": False}


def parse_pools(rows: list[dict[str, Any]]) -> tuple[Pool, ...]:
    """POOLS of any cgminer descendant.  A pool is active when its stratum session is; where the firmware
    does not report that, none is claimed to be."""
    return tuple([_pool(position, row) for position, row in enumerate(rows[:MAX_POOLS])])


def _pool(position: int, row: Mapping[str, Any]) -> Pool:
    get = row.get
    status = get("Status")
    active = get("Stratum Active")
    return Pool(
        index=index_or(position, get("POOL")),
        url=text(get("URL")) or "",
        user=text(get("User")) or "",
        alive=_ALIVE.get(status.lower()) if isinstance(status, str) else None,
        active=active is True or active == "true",
        accepted=integer(get("Accepted")),
        rejected=integer(get("Rejected")),
        stale=integer(get("Stale")),
    )


def counters(
    summary: Mapping[str, Any], pools: tuple[Pool, ...]
) -> tuple[int | None, int | None, int | None]:
    """(accepted, rejected, stale): from SUMMARY, else the sum over the pools when every pool says."""
    accepted = integer(summary.get("Accepted"))
    rejected = integer(summary.get("Rejected"))
    stale = integer(summary.get("Stale"))
    return (
        _sum([pool.accepted for pool in pools]) if accepted is None else accepted,
        _sum([pool.rejected for pool in pools]) if rejected is None else rejected,
        _sum([pool.stale for pool in pools]) if stale is None else stale,
    )


def _sum(of_pools: list[int | None]) -> int | None:
    known = [count for count in of_pools if count is not None]
    return sum(known) if known and len(known) == len(of_pools) else None


def pick_windows(windows: Mapping[int, float]) -> tuple[tuple[int, float] | None, tuple[int, float] | None]:
    """(short, long) out of window -> rate, sorted: short is the shortest one, long the best of 5 to 30
    minutes.

    Five minutes before thirty before fifteen: long enough to be steady, short enough to show a fault.
    """
    short = next(iter(windows.items()), None)
    for window in (300, 1800, 900, 600):
        if window in windows:
            return short, (window, windows[window])
    return short, None
