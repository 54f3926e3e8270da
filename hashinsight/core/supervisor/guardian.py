"""A small process that outlives a killed launcher just long enough to end everything the launcher started.

The launcher holds the writing end of a pipe to it and tells it, a JSON object per line, whom to look after.
When the pipe closes without a goodbye, the launcher is dead: applications and all their descendants are
killed, brokers and database are asked to stop and killed after a deadline. PR_SET_PDEATHSIG alone would
reach direct children only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from hashinsight.core.supervisor.launch import spawn
from hashinsight.core.supervisor.procfs import belonging_to, is_alive, kill_until_gone, read_stat, send

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
GRACE_S = 3.0


class Guardian:
    """The launcher's end: keeps the guardian process informed, and alive."""

    def __init__(self) -> None:
        self._wards: dict[int, dict[str, Any]] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the guardian, None when it does not run."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the guardian process (again) and tell it everything known."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        with open(os.devnull, "wb") as nowhere:
            env = {"PYTHONPATH": str(_PACKAGE_ROOT), "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
            argv = [sys.executable, "-S", "-P", "-m", "hashinsight.core.supervisor.guardian"]
            process = spawn(argv, env=env, cwd=Path("/"), stdin=reader, output=nowhere.fileno())
        os.close(reader)
        process.stdin = os.fdopen(writer, "wb", buffering=0)
        self._process = process
        for ward in self._wards.values():
            self._say(ward)

    def keep_alive(self) -> None:
        """Start it anew if it died."""
        if self._process is not None and self._process.poll() is not None:
            self._close_pipe()
            self.start()

    def add(self, pid: int, *, gentle: bool, stop_signal: int, marker: str) -> None:
        """Look after a process; ``gentle``: ask it to stop before killing it."""
        stat = read_stat(pid)
        self._wards[pid] = {
            "op": "add",
            "pid": pid,
            "since": stat.start_ticks if stat is not None else 0,
            "gentle": gentle,
            "signal": int(stop_signal),
            "marker": marker,
        }
        self._say(self._wards[pid])

    def remove(self, pid: int) -> None:
        """That process has ended and nothing of it is left."""
        if self._wards.pop(pid, None) is not None:
            self._say({"op": "remove", "pid": pid})

    def close(self) -> None:
        """Everything was stopped in order: let the guardian go."""
        if self._process is None:
            return
        self._say({"op": "goodbye"})
        self._close_pipe()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _close_pipe(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def _say(self, message: dict[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            # A dead guardian is started again by keep_alive and then hears everything.
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(message).encode() + b"\n")


def end_wards(wards: list[dict[str, Any]]) -> None:
    """End all processes: the ungentle at once, the others after their stop signal and ``GRACE_S``."""

    def find(ward: dict[str, Any]) -> list[int]:
        return belonging_to(int(ward["pid"]), int(ward["since"]), str(ward["marker"]))

    gentle = [ward for ward in wards if ward["gentle"]]
    for ward in wards:
        if not ward["gentle"]:
            kill_until_gone(lambda ward=ward: find(ward))  # type: ignore[misc]
    for ward in gentle:
        stat = read_stat(int(ward["pid"]))
        if stat is not None and stat.start_ticks == ward["since"]:
            send([stat.pid], int(ward["signal"]))
    deadline = time.monotonic() + GRACE_S
    while any(is_alive(int(ward["pid"])) for ward in gentle) and time.monotonic() < deadline:
        time.sleep(0.05)
    for ward in gentle:
        kill_until_gone(lambda ward=ward: find(ward))  # type: ignore[misc]


def main() -> None:
    """Listen to the launcher until it says goodbye or vanishes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wards: dict[int, dict[str, Any]] = {}
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message["op"] == "goodbye":
            return
        if message["op"] == "add":
            wards[message["pid"]] = message
        else:
            wards.pop(message["pid"], None)
    end_wards(list(wards.values()))


if __name__ == "__main__":
    main()
