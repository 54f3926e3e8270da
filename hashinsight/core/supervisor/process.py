"""One supervised process: its start, its watch, its end. Used by the supervising thread only."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from hashinsight.core.supervisor import logfiles
from hashinsight.core.supervisor.guardian import Guardian
from hashinsight.core.supervisor.launch import spawn
from hashinsight.core.supervisor.procfs import (
    MARKER_VARIABLE,
    belonging_to,
    kill_until_gone,
    read_stat,
    send,
)
from hashinsight.core.supervisor.spec import Phase, ProcessSpec, ProcessStatus, Tier

FIRST_DELAY_S = 0.1
MAX_DELAY_S = 4.0
STEADY_AFTER_S = 20.0


class Supervised:
    """State of one process. ``became_ready`` is set when its probe said True for the first time."""

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        log_path: Path,
        marker: str,
        guardian: Guardian,
        announce: Callable[[ProcessStatus], None],
    ) -> None:
        self.spec = spec
        self.log_path = log_path
        self.became_ready = threading.Event()
        self._marker = marker
        self._guardian = guardian
        self._announce = announce
        self._popen: subprocess.Popen[bytes] | None = None
        self._since_ticks = 0
        self._phase = Phase.STOPPED
        self._since = time.time()
        self._started = 0.0
        self._restarts = 0
        self._exit_code: int | None = None
        self._delay_s = FIRST_DELAY_S
        self._restart_at: float | None = None
        self._lock = threading.Lock()

    def status(self) -> ProcessStatus:
        """A snapshot; callable from any thread."""
        pid = self._popen.pid if self._popen is not None and self._phase in _LIVING else None
        return ProcessStatus(self.spec.name, self._phase, pid, self._restarts, self._since, self._exit_code)

    def running(self) -> bool:
        """Whether the process itself still lives."""
        return self._popen is not None and self._popen.poll() is None

    def launch(self) -> None:
        """Start it, and a probe that announces when it is ready. Raises what ``before_start`` raises."""
        if self.spec.before_start is not None:
            self.spec.before_start()
        env = dict(os.environ if self.spec.env is None else self.spec.env)
        env[MARKER_VARIABLE] = self._marker
        output = logfiles.open_log(self.log_path)
        try:
            self._popen = spawn(
                self.spec.argv,
                env=env,
                cwd=self.spec.cwd,
                output=output,
                run_as=self.spec.run_as,
                death_signal=self.spec.death_signal,
            )
        finally:
            os.close(output)
        self._started = time.monotonic()
        self._restart_at = None
        stat = read_stat(self._popen.pid)
        self._since_ticks = stat.start_ticks if stat is not None else 0
        self._guardian.add(
            self._popen.pid,
            gentle=self.spec.tier is not Tier.APPLICATION,
            stop_signal=self.spec.stop_signal,
            marker=self._marker,
        )
        self._change(Phase.STARTING)
        threading.Thread(
            target=self._probe, args=(self._popen,), name=f"probe-{self.spec.name}", daemon=True
        ).start()

    def look_after(self) -> None:
        """Notice its end and start it again when the time has come."""
        if self._restart_at is not None:
            if time.monotonic() >= self._restart_at:
                self._restart()
            return
        if self._popen is None or self._phase not in _LIVING:
            return
        code = self._popen.poll()
        if code is None:
            if time.monotonic() - self._started > STEADY_AFTER_S:
                self._delay_s = FIRST_DELAY_S
            return
        self._exit_code = code
        self._sweep_up()
        if not (self.spec.restart and self.became_ready.is_set()):
            self._change(Phase.FAILED)
            return
        self._plan_restart()

    def ask_to_stop(self) -> None:
        """The polite signal; no restart from now on."""
        self._restart_at = None
        if self._popen is not None and self.running():
            send([self._popen.pid], self.spec.stop_signal)

    def kill(self) -> None:
        """SIGKILL to the process and all that stems from it."""
        self._kill_family()

    def finish(self) -> None:
        """After its end: collect it, end its descendants, announce it stopped."""
        if self._popen is not None:
            self._exit_code = self._popen.wait()
            self._sweep_up()
        if self._phase is not Phase.STOPPED:
            self._change(Phase.STOPPED)

    def _restart(self) -> None:
        self._restarts += 1
        try:
            self.launch()
        except Exception as error:  # noqa: BLE001 - whatever it was: say it in the log and try again
            self._note(f"start failed: {error}")
            self._plan_restart()

    def _plan_restart(self) -> None:
        self._restart_at = time.monotonic() + self._delay_s
        self._delay_s = min(self._delay_s * 3, MAX_DELAY_S)
        self._change(Phase.RESTARTING)

    def _note(self, text: str) -> None:
        output = logfiles.open_log(self.log_path)
        try:
            os.write(output, f"supervisor: {self.spec.name}: {text}\n".encode())
        except OSError:
            return  # a full disk: the phase still tells
        finally:
            os.close(output)

    def _family(self) -> list[int]:
        if self._popen is None:
            return []
        return belonging_to(self._popen.pid, self._since_ticks, self._marker)

    def _kill_family(self) -> list[int]:
        left = kill_until_gone(self._family)
        if self.spec.leftovers is not None:
            left += kill_until_gone(self.spec.leftovers)
        return left

    def _sweep_up(self) -> None:
        left = self._kill_family()
        if self._popen is not None and not left:
            self._guardian.remove(self._popen.pid)

    def _probe(self, popen: subprocess.Popen[bytes]) -> None:
        """Ask until ready, in a thread of its own: a probe may wait for a network answer."""
        while self._awaited(popen):
            try:
                ready = self.spec.is_ready()
            except Exception as error:  # noqa: BLE001 - a probe that raises is a probe that says no
                self._note(f"readiness probe: {error}")
                ready = False
            if ready and self._awaited(popen):
                self._become_ready()
                return
            time.sleep(0.05)

    def _awaited(self, popen: subprocess.Popen[bytes]) -> bool:
        return popen.returncode is None and self._popen is popen and self._phase is Phase.STARTING

    def _become_ready(self) -> None:
        with self._lock:
            if self._phase is Phase.STARTING:
                self._change(Phase.READY)
        self.became_ready.set()

    def _change(self, phase: Phase) -> None:
        self._phase = phase
        self._since = time.time()
        self._announce(self.status())


_LIVING = frozenset({Phase.STARTING, Phase.READY})
