"""A whole small installation in processes of its own, to kill parts of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hashinsight.core.embedded import Services, free_port
from hashinsight.core.supervisor import Supervisor
from hashinsight.overview.demo import stack
from hashinsight.overview.demo.plan import DemoPlan, Kept, choose_port

MINERS = 240
INTERVAL_S = 5


@dataclass
class Installation:
    """Everything running: services, simulator, web, collector, worker with beat."""

    supervisor: Supervisor
    plan: DemoPlan
    env: dict[str, str]

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.plan.port}"

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, read by a connection of its own under the telemetry role."""
        with psycopg.connect(self.env["DATABASE_TELEMETRY_URL"], connect_timeout=3) as connection:
            return connection.execute(statement, values).fetchall()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Start it all; stop it all at the end of the module."""
    var = tmp_path_factory.mktemp("faults")
    kept = Kept(
        miners=MINERS,
        password="quiet-harbour-7-lamps",
        miner_login="operator",
        miner_password="only-in-tests",
    )
    plan = DemoPlan(
        var=var,
        port=free_port(),
        rpc_port=choose_port(24028),
        web_port=choose_port(28080),
        control_port=free_port(),
        kept=kept,
    )
    (var / "demo").mkdir()
    (var / "run").mkdir(exist_ok=True)
    with (
        Supervisor(var / "log") as supervisor,
        Services(var, durable=False, supervisor=supervisor) as services,
    ):
        clean = {
            key: value for key, value in os.environ.items() if not key.startswith(("DATABASE_", "REDIS_"))
        }
        env = {
            **clean,
            **stack.environment(plan, services.env()),
            **services.env(),
            "HI_SWEEP_INTERVAL_S": str(INTERVAL_S),
        }
        _prepare(plan, env)
        supervisor.start(stack.simulator(plan, env))
        supervisor.start(stack.web(plan, env), *stack.workers(var, env))
        yield Installation(supervisor, plan, env)


def _prepare(plan: DemoPlan, env: dict[str, str]) -> None:
    plan.fleet_file.write_bytes(plan.fleet().to_json())
    subprocess.run(
        [
            sys.executable,
            str(Path(stack.ROOT) / "manage.py"),
            "prepare_demo",
            "--fleet",
            str(plan.fleet_file),
        ],
        env={**env, "HI_DB_ROLE": "migrate"},
        input=plan.kept.password + "\n",
        text=True,
        check=True,
        timeout=60,
    )
