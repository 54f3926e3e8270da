"""What ``/proc`` says about processes: who is alive, whose child, in which session, started by whom."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARKER_VARIABLE = "HI_SUPERVISED_BY"


@dataclass(frozen=True, slots=True)
class ProcStat:
    """The fields of ``/proc/PID/stat`` that matter here (``man 5 proc``); ``start_ticks`` since boot."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    start_ticks: int

    @property
    def alive(self) -> bool:
        """False for a process that has ended and only waits to be collected."""
        return self.state not in {"Z", "X", "x"}


def read_stat(pid: int) -> ProcStat | None:
    """``/proc/PID/stat``, or None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold spaces and parentheses itself.
    fields = text.rpartition(")")[2].split()
    return ProcStat(pid, fields[0], int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def all_stats() -> Iterator[ProcStat]:
    """Every live process that we can see."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = read_stat(int(entry))
            if stat is not None and stat.alive:
                yield stat


def is_alive(pid: int) -> bool:
    """Whether the process exists and has not ended (a zombie has)."""
    stat = read_stat(pid)
    return stat is not None and stat.alive


def marker_of(pid: int) -> str | None:
    """The supervisor's mark in the process's start environment; None when absent or not ours to read."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    prefix = f"{MARKER_VARIABLE}=".encode()
    for item in raw.split(b"\0"):
        if item.startswith(prefix):
            return item[len(prefix) :].decode("utf-8", "replace")
    return None


def belonging_to(leader: int, since_ticks: int, marker: str) -> list[int]:
    """Processes that came from ``leader``: its session, its descendants, and whoever carries its mark.

    The mark finds grandchildren which made sessions of their own and whose parents are gone.
    ``since_ticks`` (start of the leader) guards against a process id that was given out again.
    """
    stats = [stat for stat in all_stats() if stat.pid != os.getpid()]
    family = {leader}
    found: list[int] = []
    for stat in sorted(stats, key=lambda item: item.start_ticks):
        if stat.start_ticks < since_ticks:
            continue
        related = leader in {stat.pid, stat.session} or stat.parent in family
        if related or marker_of(stat.pid) == marker:
            family.add(stat.pid)
            found.append(stat.pid)
    return found


def working_in(folder: Path) -> list[int]:
    """Live processes whose working directory is ``folder`` (PostgreSQL's stand in their data directory)."""
    wanted = os.path.realpath(folder)
    found = []
    for stat in all_stats():
        with suppress(OSError):
            if os.readlink(f"/proc/{stat.pid}/cwd") == wanted and stat.pid != os.getpid():
                found.append(stat.pid)
    return found


def send(pids: Iterable[int], signum: int) -> None:
    """Signal each process; those already gone are no error."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


def kill_until_gone(find: Callable[[], list[int]], seconds: float = 2.0) -> list[int]:
    """SIGKILL whatever ``find`` returns, again and again until it returns nothing; returns who is left."""
    deadline = time.monotonic() + seconds
    while left := find():
        send(left, signal.SIGKILL)
        if time.monotonic() > deadline:
            return left
        time.sleep(0.02)
    return []
