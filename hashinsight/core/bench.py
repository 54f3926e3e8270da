"""Benchmarks: named commands that print one JSON object (`./hi bench NAME`). Never timed tests."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from hashinsight.core.embedded import Services

ROOT = Path(__file__).resolve().parent.parent.parent


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}


def raise_file_limit() -> int:
    """Let this process open as many files as the machine allows; returns the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextmanager
def throwaway_services() -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkeys of the benchmark's own, migrated; gives the environment for its children.

    Unlike in tests the database is durable (fsync on): a benchmark of storing must wait for the disk.
    """
    with tempfile.TemporaryDirectory(prefix="hi-bench-") as folder, Services(Path(folder), True) as services:
        environment = {**os.environ, **services.env(), "HI_ENV": "demo", "HI_VAR_DIR": folder}
        manage(environment, "migrate", "--verbosity", "0")
        yield environment


def manage(environment: dict[str, str], *arguments: str) -> None:
    """Run a management command as the owner of the tables; raises CalledProcessError when it fails."""
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env={**environment, "HI_DB_ROLE": "migrate"},
        check=True,
        stdout=sys.stderr,
    )


def emit(result: dict[str, Any], write: Callable[[str], Any]) -> None:
    """Write the result with the machine it was measured on."""
    write(orjson.dumps({**result, "machine": machine()}, option=orjson.OPT_INDENT_2).decode())
