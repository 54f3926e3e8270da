"""The supervisor: one thread that starts, watches, restarts and stops processes."""

from __future__ import annotations

import logging
import queue
import secrets
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from hashinsight.core.supervisor import logfiles
from hashinsight.core.supervisor.guardian import Guardian
from hashinsight.core.supervisor.process import Supervised
from hashinsight.core.supervisor.spec import Phase, ProcessSpec, ProcessStatus, Tier

logger = logging.getLogger(__name__)

_TICK_S = 0.05
_LOG_CHECK_S = 5.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

OnChange = Callable[[ProcessStatus], None]


class StopRequested(KeyboardInterrupt):
    """INT, TERM or HUP arrived: raised in the main thread, once. ``signum`` says which."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class StartError(Exception):
    """A process ended before it was ready, or was not ready in time; the text has its last log lines."""


class Supervisor:
    """Keeps processes running; ``with Supervisor(...) as s: s.start(...); s.wait()``.

    All processes are started by one thread of its own, because the kernel ends a process with the thread
    that started it (see ``launch.spawn``). ``on_change`` is called from that thread at every change of phase;
    it must be quick and must not call the supervisor. ``signals=True`` (main thread only) turns the first
    INT/TERM/HUP into ``StopRequested``; a second one while stopping makes the stop immediate.
    """

    def __init__(
        self,
        log_dir: Path,
        *,
        on_change: OnChange | None = None,
        signals: bool = False,
        stop_timeout_s: float = 4.5,
        max_log_bytes: int = logfiles.MAX_BYTES,
    ) -> None:
        self.log_dir = log_dir
        self._on_change = on_change
        self._signals = signals
        self._stop_timeout_s = stop_timeout_s
        self._max_log_bytes = max_log_bytes
        self._token = secrets.token_hex(8)
        self._processes: dict[str, Supervised] = {}
        self._commands: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._guardian = Guardian()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._old_handlers: dict[int, Any] = {}
        self._next_log_check = 0.0

    # -- life ------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Start the supervising thread and the guardian; install the signal handlers if asked for."""
        if self._thread is not None:
            raise RuntimeError("this supervisor runs already")
        if self._signals:
            for number in _STOP_SIGNALS:
                if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                    continue  # started by nohup: it shall outlive its terminal
                self._old_handlers[number] = signal.signal(number, self._on_signal)
        self._thread = threading.Thread(target=self._loop, name="supervisor", daemon=True)
        self._thread.start()
        self._call(self._guardian.start)

    def close(self) -> None:
        """Stop everything in order, then the thread; harmless when done twice."""
        if self._thread is None:
            return
        self._stopping.set()
        try:
            self._call(self._stop_all)
            self._call(self._guardian.close)
        finally:
            self._commands.put(None)
            self._thread.join(5.0)
            self._thread = None
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
            self._old_handlers.clear()

    def wait(self) -> int:
        """Block the main thread until a signal asks to stop; returns its number. Needs ``signals=True``."""
        try:
            while not self._stopping.wait(1.0):
                pass
        except StopRequested as request:
            return request.signum
        return int(signal.SIGTERM)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._stopping.is_set():
            self._hurry.set()
            return
        self._stopping.set()
        raise StopRequested(signum)

    # -- what callers do -------------------------------------------------------------------------------

    def start(self, *specs: ProcessSpec) -> None:
        """Start these processes at once and wait until all are ready.

        Raises StartError when one ends before or is not ready within its ``ready_timeout_s``; the others
        stay (``close`` stops them). After that a process that ends is started again, with its spec's policy.
        """
        started = [self._call(partial(self._add, spec)) for spec in specs]
        for process in started:
            self._await_ready(process)

    def stop(self, *names: str) -> None:
        """Stop some processes and forget them."""
        self._call(lambda: self._stop_some([self._processes[name] for name in names]))
        for name in names:
            self._processes.pop(name)

    def status(self) -> list[ProcessStatus]:
        """All processes in order of start."""
        return [process.status() for process in list(self._processes.values())]

    def pid(self, name: str) -> int | None:
        """Process id of a process, None while it is down."""
        return self._processes[name].status().pid

    # -- inside the thread -----------------------------------------------------------------------------

    def _call(self, action: Callable[[], Any]) -> Any:
        if self._thread is None:
            raise RuntimeError("the supervisor is not open")
        future: Future[Any] = Future()
        self._commands.put((action, future))
        while True:
            # In slices, so that a signal handler gets its turn.
            with suppress(TimeoutError):
                return future.result(0.5)
            if future.done():
                return future.result()

    def _loop(self) -> None:
        while True:
            try:
                command = self._commands.get(timeout=_TICK_S)
            except queue.Empty:
                self._safe_tick()
                continue
            if command is None:
                return
            action, future = command
            try:
                future.set_result(action())
            except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                future.set_exception(error)

    def _safe_tick(self) -> None:
        # Should this thread end, the kernel would end all processes with it.
        try:
            self._tick()
        except Exception:
            logger.exception("the supervisor goes on after an error of its own")

    def _tick(self) -> None:
        if self._stopping.is_set():
            return
        for process in list(self._processes.values()):
            process.look_after()
        self._guardian.keep_alive()
        now = time.monotonic()
        if now >= self._next_log_check:
            self._next_log_check = now + _LOG_CHECK_S
            for process in self._processes.values():
                logfiles.turn_over(process.log_path, self._max_log_bytes)

    def _add(self, spec: ProcessSpec) -> Supervised:
        if self._stopping.is_set():
            raise StartError(f"{spec.name}: the supervisor is stopping")
        if spec.name in self._processes:
            raise ValueError(f"a process named {spec.name} runs already")
        process = Supervised(
            spec,
            log_path=self.log_dir / f"{spec.name}.log",
            marker=f"{self._token}:{spec.name}",
            guardian=self._guardian,
            announce=self._announce,
        )
        self._processes[spec.name] = process
        process.launch()
        return process

    def _announce(self, status: ProcessStatus) -> None:
        if self._on_change is None:
            return
        try:
            self._on_change(status)
        except Exception:
            logger.exception("a listener to %s failed", status.name)

    def _await_ready(self, process: Supervised) -> None:
        deadline = time.monotonic() + process.spec.ready_timeout_s
        while not process.became_ready.wait(0.1):
            status = process.status()
            if status.phase is Phase.FAILED:
                reason = f"ended with exit code {status.exit_code} before it was ready"
            elif time.monotonic() > deadline:
                reason = f"was not ready within {process.spec.ready_timeout_s:g} s"
            else:
                continue
            log = logfiles.tail(process.log_path)
            raise StartError(f"{process.spec.name} {reason} (log: {process.log_path})\n{log}".rstrip())

    def _stop_all(self) -> None:
        deadline = time.monotonic() + self._stop_timeout_s
        for tier in sorted(Tier, reverse=True):
            self._stop_some([p for p in self._processes.values() if p.spec.tier is tier], deadline)

    def _stop_some(self, processes: Sequence[Supervised], deadline: float = float("inf")) -> None:
        """Signal all, wait for each within its grace, kill what is left, with all that stems from it."""
        begun = time.monotonic()
        for process in processes:
            process.ask_to_stop()
        while any(process.running() for process in processes):
            now = time.monotonic()
            late = [p for p in processes if p.running() and now >= min(begun + p.spec.grace_s, deadline)]
            if self._hurry.is_set():
                late = [process for process in processes if process.running()]
            for process in late:
                process.kill()
            time.sleep(0.02)
        for process in processes:
            process.finish()
