"""Starting one process so that it can never outlive its launcher, as another user if need be."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded once, before any fork: between fork and exec nothing may be imported or looked up.
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user and group a process runs under."""

    uid: int
    gid: int


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: int | None = None,
    stdin: int = subprocess.DEVNULL,
    run_as: RunAs | None = None,
    death_signal: int | None = None,
    new_session: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; the kernel signals it when the calling THREAD ends.

    That is how PR_SET_PDEATHSIG works (``man 2 prctl``), so call this only from a thread that lives as long
    as the process may. ``output`` is a file descriptor for both outputs (None: inherited).
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        # After the change of user: that change would clear it. The parent may be gone already.
        if death_signal is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(127)

    extra: dict[str, Any] = {}
    if run_as is not None:
        extra = {"user": run_as.uid, "group": run_as.gid, "extra_groups": []}
    return subprocess.Popen(
        list(argv),
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=output,
        stderr=output,
        start_new_session=new_session,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl, nothing that could wait for a lock
        **extra,
    )
