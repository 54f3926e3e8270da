"""The demo from start to stop, told line by line."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg

from hashinsight.core.embedded import AlreadyRunning, InitError, MissingProgram, PlaceError, Services
from hashinsight.core.supervisor import StartError, StopRequested, Supervisor
from hashinsight.overview.demo import stack
from hashinsight.overview.demo.plan import DemoError, DemoPlan, make_plan
from hashinsight.overview.demo.seed import SIGN_INS

DEFAULT_MINERS: Final = 6000
FIRST_FIGURE_TIMEOUT_S: Final = 60
Say = Callable[[str], object]


def run(var: Path, *, miners: int | None, port: int, fresh: bool, say: Say) -> None:
    """Start everything, stay until asked to stop, stop everything. Raises DemoError with a remedy."""
    began = time.monotonic()
    if fresh:
        clear(var)
    plan = make_plan(var, miners=miners or _miners_before(var) or DEFAULT_MINERS, port=port)
    supervisor = Supervisor(var / "log", signals=True)
    services = Services(var, supervisor=supervisor)
    try:
        with supervisor, services:
            _start(plan, supervisor, services, say, began)
            supervisor.wait()
            say("\nStopping ...")
    except StopRequested:
        say("\nStopped during the start.")
    except (StartError, AlreadyRunning, InitError, MissingProgram, PlaceError) as error:
        raise DemoError(f"{error}\nLogs: {var / 'log'}") from None
    say("Stopped.")


def _start(plan: DemoPlan, supervisor: Supervisor, services: Services, say: Say, began: float) -> None:
    def done(text: str) -> None:
        say(f"[{time.monotonic() - began:5.1f} s] {text}")

    done("PostgreSQL and two Valkeys are up")
    env = stack.environment(plan, services.env())
    plan.fleet_file.write_bytes(plan.fleet().to_json())
    stamp = plan.var / "demo" / "prepared"
    mark = _mark(plan)
    is_ready = not services.first_start and stamp.exists() and stamp.read_text() == mark
    prepare = None if is_ready else _prepare(plan, env)
    supervisor.start(stack.simulator(plan, env))
    done(f"{plan.kept.miners} simulated miners answer on 127.x.y.z:{plan.rpc_port}")
    if prepare is not None:
        _wait_for(prepare)
        stamp.write_text(mark)
    done("Database migrated, demo host in place")
    supervisor.start(stack.web(plan, env), *stack.workers(plan.var, env))
    done("Pages, collector and scheduler are up")
    read = _first_figure(env["DATABASE_TELEMETRY_URL"])
    done(
        f"First live figures: {read} miners read"
        if read
        else "No miner was read yet: see var/log/collector.log"
    )
    say(_welcome(plan))


def _mark(plan: DemoPlan) -> str:
    """What a prepared database was made from: every migration, and the fleet with its ports."""
    digest = hashlib.sha256(plan.fleet_file.read_bytes())
    for file in sorted(stack.ROOT.glob("h*/**/migrations/*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    digest.update((stack.ROOT / "requirements.txt").read_bytes())
    return digest.hexdigest()


def _prepare(plan: DemoPlan, env: dict[str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(stack.ROOT / "manage.py"), "prepare_demo", "--fleet", str(plan.fleet_file)],
        env={**env, "HI_DB_ROLE": "migrate"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if process.stdin is None:
        raise DemoError("the preparation has no standard input")
    process.stdin.write(plan.kept.password + "\n")
    process.stdin.close()
    return process


def _wait_for(process: subprocess.Popen[str]) -> None:
    try:
        output = process.stdout.read() if process.stdout else ""
        if process.wait() != 0:
            raise DemoError(f"The database could not be prepared:\n{output[-3000:]}")
    except BaseException:
        process.kill()
        raise


def _first_figure(telemetry_url: str) -> int:
    """Wait for readings that are live, and say of how many miners.

    After a quick restart those of the last minute are: its slot is done, and the next sweep comes in time.
    """
    ends_at = time.monotonic() + FIRST_FIGURE_TIMEOUT_S
    with psycopg.connect(telemetry_url, autocommit=True) as connection:
        (since,) = connection.execute("SELECT clock_timestamp() - interval '60 seconds'").fetchone() or (
            None,
        )
        while time.monotonic() < ends_at:
            row = connection.execute(
                "SELECT count(*) FROM telemetry_live WHERE sampled_at > %s", [since]
            ).fetchone()
            if row and row[0]:
                return int(row[0])
            time.sleep(0.2)
    return 0


def _welcome(plan: DemoPlan) -> str:
    width = max(len(sign_in.email) for sign_in in SIGN_INS)
    lines = [
        "",
        f"  HashInsight is live: http://localhost:{plan.port}",
        f"  Back office:         http://localhost:{plan.port}/backoffice/",
        "",
        *(f"  {sign_in.email:<{width}}  {sign_in.role:<7} sees {sign_in.sees}" for sign_in in SIGN_INS),
        f"  password of all: {plan.kept.password}",
        "",
        f"  Logs: {plan.var / 'log'}   Stop: Ctrl-C",
    ]
    return "\n".join(lines)


def clear(var: Path) -> None:
    """Throw the demo's data away. Raises DemoError while a demo runs there."""
    services = Services(var)
    try:
        services.start()
    except AlreadyRunning as error:
        raise DemoError(str(error)) from None
    folders = {Path(services.root), Path(services.home)}
    services.stop()
    for folder in folders:
        for name in ("postgres", "queue", "cache", "demo"):
            shutil.rmtree(folder / name, ignore_errors=True)


def _miners_before(var: Path) -> int | None:
    try:
        return int(json.loads((var / "demo" / "kept.json").read_text())["miners"])
    except (OSError, ValueError, KeyError):
        return None
