"""What the supervisor is asked to run, and what it says about it."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

from hashinsight.core.supervisor.launch import RunAs


class Tier(IntEnum):
    """Stop order: the highest first; inside a tier all at once."""

    DATABASE = 0
    BROKER = 1
    APPLICATION = 2


class Phase(StrEnum):
    """Where a supervised process stands."""

    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process to run.

    ``env`` is the whole environment (None: the launcher's own). ``ready`` is asked until it says True (a
    string is an address that must answer with a status below 500); without it a process is ready once it
    lives. ``before_start`` runs before every start, restarts included. ``leftovers`` names processes that
    stem from this one in a way that neither session nor environment shows. ``grace_s`` is the time between
    ``stop_signal`` and SIGKILL. ``death_signal`` is what the kernel sends should the launcher vanish.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    ready: Callable[[], bool] | str | None = None
    ready_timeout_s: float = 60.0
    restart: bool = True
    tier: Tier = Tier.APPLICATION
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 3.0
    death_signal: signal.Signals = signal.SIGKILL
    run_as: RunAs | None = None
    before_start: Callable[[], None] | None = None
    leftovers: Callable[[], list[int]] | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)

    def is_ready(self) -> bool:
        """Ask the probe once."""
        if self.ready is None:
            return True
        return url_answers(self.ready) if isinstance(self.ready, str) else self.ready()


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A process as it is now: ``since`` in seconds of the epoch, ``exit_code`` of its last end if any."""

    name: str
    phase: Phase
    pid: int | None
    restarts: int
    since: float
    exit_code: int | None

    def as_dict(self) -> dict[str, str | int | float | None]:
        """For ``var/run/status.json``."""
        return {
            "name": self.name,
            "phase": self.phase.value,
            "pid": self.pid,
            "restarts": self.restarts,
            "since": self.since,
            "exit_code": self.exit_code,
        }


def url_answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether the address answers with a status below 500; proxies of the environment are not asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            return int(answer.status) < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    except ValueError:  # a half-started server may answer with no HTTP at all
        return False
