"""Log files of supervised processes: written by the process itself, kept small from outside.

No pipe stands between a process and its log, so neither a slow reader nor a full disk can stop it: a failed
write is the process's to ignore, and turning the file over (copy, then truncate) keeps the descriptor valid.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 10_000_000


def open_log(path: Path) -> int:
    """A descriptor that appends to the log; the null device when the file cannot be opened."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def turn_over(path: Path, max_bytes: int = MAX_BYTES) -> bool:
    """Move a log above ``max_bytes`` to ``NAME.1``; on a full disk the old text is given up. True if done."""
    try:
        if path.stat().st_size <= max_bytes:
            return False
    except OSError:
        return False
    older = path.with_name(path.name + ".1")
    try:
        shutil.copyfile(path, older)
    except OSError:
        with suppress(OSError):
            older.unlink()
    with suppress(OSError):
        os.truncate(path, 0)
        return True
    return False


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16_384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
