"""The processes of the demo and how to tell that each is up."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from hashinsight.core.supervisor import ProcessSpec
from hashinsight.overview.demo.plan import DemoPlan

ROOT = Path(__file__).resolve().parent.parent.parent.parent


def environment(plan: DemoPlan, services: Mapping[str, str]) -> dict[str, str]:
    """What every process of the demo finds in its environment."""
    return {
        **os.environ,
        **services,
        "HI_ENV": "demo",
        "HI_VAR_DIR": str(plan.var),
        "DJANGO_SETTINGS_MODULE": "hashinsight.settings.demo",
        "HI_MINER_HTTP_USER": plan.kept.miner_login,
        "HI_MINER_HTTP_PASSWORD": plan.kept.miner_password,
        "PYTHONUNBUFFERED": "1",
    }


def simulator(plan: DemoPlan, env: Mapping[str, str]) -> ProcessSpec:
    """The simulated fleet."""
    return ProcessSpec(
        name="simulator",
        argv=(
            sys.executable,
            "-m",
            "hosting.simulator",
            "--fleet",
            str(plan.fleet_file),
            "--control-port",
            str(plan.control_port),
        ),
        env={
            **env,
            "HI_SIM_HTTP_USER": plan.kept.miner_login,
            "HI_SIM_HTTP_PASSWORD": plan.kept.miner_password,
        },
        cwd=ROOT,
        ready=f"http://127.0.0.1:{plan.control_port}/health",
        grace_s=1.0,
    )


def web(plan: DemoPlan, env: Mapping[str, str]) -> ProcessSpec:
    """Pages, API and live events in one process."""
    return ProcessSpec(
        name="web",
        argv=(
            sys.executable,
            "-m",
            "uvicorn",
            "hashinsight.asgi:application",
            "--host",
            "127.0.0.1",
            "--port",
            str(plan.port),
            "--no-access-log",
            "--lifespan",
            "off",
            "--timeout-graceful-shutdown",
            "1",
            "--log-level",
            "warning",
        ),
        env={**env, "HI_DB_ROLE": "web"},
        cwd=ROOT,
        ready=f"http://127.0.0.1:{plan.port}/accounts/login/",
        grace_s=3.0,
    )


def _celery(name: str, env: Mapping[str, str], *arguments: str) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=(
            sys.executable,
            "-m",
            "celery",
            "-A",
            "celery_app",
            "worker",
            "--loglevel",
            "INFO",
            "--without-gossip",
            "--without-mingle",
            "-n",
            f"{name}@%h",
            *arguments,
        ),
        env={**env, "HI_DB_ROLE": "worker"},
        cwd=ROOT,
        grace_s=3.0,
    )


def workers(var: Path, env: Mapping[str, str]) -> tuple[ProcessSpec, ProcessSpec]:
    """The collector's processes, and the worker for the rest with beat inside (its file is in ``var``)."""
    collector = _celery("collector", env, "-Q", "telemetry", "-P", "prefork", "-c", "2")
    schedule = var / "run" / "beat-schedule"
    rest = _celery("worker", env, "-Q", "default", "-P", "threads", "-c", "2", "-B", "-s", str(schedule))
    return collector, rest
