"""The supervisor with real processes: order, restarts, stop within its time, and death of the launcher."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hashinsight.core.supervisor import Phase, ProcessSpec, ProcessStatus, StartError, Supervisor, Tier
from hashinsight.core.supervisor.logfiles import turn_over
from hashinsight.core.supervisor.procfs import all_stats, is_alive, marker_of

REPOSITORY = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.fault

# A process that makes a child in its session and a grandchild in a session of its own, as some servers do.
FAMILY = """
import os, sys, time
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
    time.sleep(600)
open(sys.argv[1], "a").close()
time.sleep(600)
"""


def until(condition: Callable[[], bool], seconds: float = 10.0) -> float:
    """Wait for a condition; returns how long it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "the condition was not met in time"
        time.sleep(0.02)
    return time.monotonic() - begun


def marked(marker: str) -> list[int]:
    """Processes that carry a supervisor's mark beginning with this text."""
    return [stat.pid for stat in all_stats() if (marker_of(stat.pid) or "").startswith(marker)]


def sleeper(name: str = "sleeper", code: str = "import time; time.sleep(600)") -> ProcessSpec:
    return ProcessSpec(name=name, argv=(sys.executable, "-S", "-c", code))


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "log") as instance:
        yield instance


def test_a_killed_process_is_back_within_a_second(supervisor: Supervisor) -> None:
    supervisor.start(sleeper())
    first = supervisor.pid("sleeper")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    took = until(lambda: supervisor.pid("sleeper") not in {None, first})
    assert took < 1.0
    status = supervisor.status()[0]
    assert (status.restarts, status.exit_code) == (1, -signal.SIGKILL)


def test_a_process_killed_again_and_again_is_always_back_within_five_seconds(supervisor: Supervisor) -> None:
    supervisor.start(sleeper())
    for _ in range(3):
        pid = supervisor.pid("sleeper")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert until(lambda pid=pid: supervisor.pid("sleeper") not in {None, pid}) < 5.0  # type: ignore[misc]


def test_descendants_of_a_killed_process_do_not_survive_it(supervisor: Supervisor, tmp_path: Path) -> None:
    born = tmp_path / "born"
    spec = ProcessSpec(name="family", argv=(sys.executable, "-S", "-c", FAMILY, str(born)), ready=born.exists)
    supervisor.start(spec)
    pid = supervisor.pid("family")
    assert pid is not None
    marker = marker_of(pid)
    assert marker is not None
    until(lambda: len(marked(marker)) == 3)
    old = set(marked(marker))
    os.kill(pid, signal.SIGKILL)
    until(lambda: supervisor.pid("family") not in {None, pid})
    until(lambda: len(marked(marker)) == 3)
    assert not old & set(marked(marker))
    supervisor.close()
    assert marked(marker) == []


def test_a_process_that_ends_before_it_is_ready_tells_its_last_words(supervisor: Supervisor) -> None:
    spec = ProcessSpec(
        name="broken",
        argv=(sys.executable, "-c", "import sys; sys.exit('no such table')"),
        ready=lambda: False,
    )
    with pytest.raises(StartError, match=r"exit code 1 before it was ready.*\n.*no such table"):
        supervisor.start(spec)


def test_a_process_that_is_never_ready_is_an_error(supervisor: Supervisor) -> None:
    spec = ProcessSpec(name="slow", argv=("sleep", "600"), ready=lambda: False, ready_timeout_s=0.3)
    with pytest.raises(StartError, match=r"slow was not ready within 0\.3 s"):
        supervisor.start(spec)


def test_an_unknown_program_is_an_error(supervisor: Supervisor) -> None:
    with pytest.raises(FileNotFoundError):
        supervisor.start(ProcessSpec(name="nothing", argv=("/nonexistent/program",)))


def test_without_restart_policy_a_dead_process_stays_dead(tmp_path: Path) -> None:
    seen: list[ProcessStatus] = []
    with Supervisor(tmp_path, on_change=seen.append) as supervisor:
        supervisor.start(ProcessSpec(name="once", argv=("sleep", "0.2"), restart=False))
        until(lambda: supervisor.status()[0].phase is Phase.FAILED)
        assert supervisor.status()[0].exit_code == 0
    assert [status.phase for status in seen[:3]] == [Phase.STARTING, Phase.READY, Phase.FAILED]


def test_stop_goes_from_the_highest_tier_down_and_kills_the_deaf_in_time(tmp_path: Path) -> None:
    seen: list[ProcessStatus] = []
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    with Supervisor(tmp_path, on_change=seen.append) as supervisor:
        supervisor.start(
            ProcessSpec(name="database", argv=("sleep", "600"), tier=Tier.DATABASE),
            ProcessSpec(name="broker", argv=("sleep", "600"), tier=Tier.BROKER),
            sleeper("polite"),
            ProcessSpec(
                name="deaf",
                argv=(sys.executable, "-S", "-c", deaf),
                ready=lambda: (tmp_path / "deaf.log").read_text() == "1\n",
            ),
        )
        begun = time.monotonic()
    assert time.monotonic() - begun < 5.0
    stopped = [status.name for status in seen if status.phase is Phase.STOPPED]
    assert stopped == ["polite", "deaf", "broker", "database"]
    codes = {status.name: status.exit_code for status in seen if status.phase is Phase.STOPPED}
    assert (codes["polite"], codes["deaf"]) == (-signal.SIGTERM, -signal.SIGKILL)


def test_the_guardian_is_replaced_when_it_dies(supervisor: Supervisor) -> None:
    supervisor.start(sleeper())
    first = supervisor._guardian.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor._guardian.pid not in {None, first})


def test_a_listener_that_fails_harms_nothing(tmp_path: Path) -> None:
    def listener(status: ProcessStatus) -> None:
        raise ValueError(status.name)

    with Supervisor(tmp_path, on_change=listener) as supervisor:
        supervisor.start(sleeper())
        pid = supervisor.pid("sleeper")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: supervisor.pid("sleeper") not in {None, pid})


def test_a_log_is_turned_over_while_it_is_written(tmp_path: Path) -> None:
    code = "import time\nwhile True: print('x' * 999, flush=True); time.sleep(0.002)"
    with Supervisor(tmp_path, max_log_bytes=20_000) as supervisor:
        supervisor.start(sleeper("talker", code))
        log = tmp_path / "talker.log"
        until(lambda: log.exists() and log.stat().st_size > 20_000)
        assert turn_over(log, 20_000)
        assert (tmp_path / "talker.log.1").stat().st_size > 20_000
        until(lambda: 0 < log.stat().st_size < 20_000 and log.read_bytes()[:1] == b"x")
        assert supervisor.status()[0].restarts == 0


def test_a_process_runs_even_where_its_log_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file, not a folder")
    with Supervisor(tmp_path / "log") as supervisor:
        supervisor.start(sleeper())
        assert supervisor.status()[0].phase is Phase.READY


LAUNCHER = """
import sys, time
from pathlib import Path
from hashinsight.core.supervisor import ProcessSpec, Supervisor, StopRequested
folder = Path(sys.argv[1])
family, deaf = sys.argv[2], sys.argv[3] == "deaf"
code = family
if deaf:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n" + code
with Supervisor(folder, signals=True) as supervisor:
    for name in ("one", "two"):
        born = folder / f"{name}.born"
        argv = (sys.executable, "-S", "-c", code, str(born))
        supervisor.start(ProcessSpec(name=name, argv=argv, ready=born.exists))
    (folder / "token").write_text(supervisor._token)
    signum = supervisor.wait()
(folder / "stopped").write_text(str(signum))
"""


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[bytes], str]]]:
    """Starts a launcher with two families of three processes; returns it and its mark."""
    started: list[subprocess.Popen[bytes]] = []

    def start(kind: str = "polite") -> tuple[subprocess.Popen[bytes], str]:
        argv = [sys.executable, "-c", textwrap.dedent(LAUNCHER), str(tmp_path), FAMILY, kind]
        process = subprocess.Popen(argv, cwd=REPOSITORY, start_new_session=True)
        started.append(process)
        token = tmp_path / "token"
        until(lambda: token.exists() and token.read_text() != "")
        mark = token.read_text()
        until(lambda: len(marked(mark)) == 6)
        return process, mark

    yield start
    for process in started:
        process.kill()
        process.wait()


Launch = Callable[[str], tuple[subprocess.Popen[bytes], str]]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(launcher: Launch, tmp_path: Path, signum: signal.Signals) -> None:
    process, mark = launcher("polite")
    begun = time.monotonic()
    process.send_signal(signum)
    assert process.wait(10) == 0
    assert time.monotonic() - begun < 5.0
    assert (tmp_path / "stopped").read_text() == str(int(signum))
    assert marked(mark) == []


def test_a_second_signal_stops_at_once(launcher: Launch) -> None:
    process, mark = launcher("deaf")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert time.monotonic() - begun < 1.5
    assert marked(mark) == []


@pytest.mark.parametrize("whole_group", [False, True])
def test_a_killed_launcher_leaves_no_process(launcher: Launch, whole_group: bool) -> None:
    process, mark = launcher("deaf")
    guardians = [
        stat.pid for stat in all_stats() if stat.parent == process.pid and marker_of(stat.pid) is None
    ]
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    until(lambda: marked(mark) == [] and not any(is_alive(pid) for pid in guardians), 5.0)
