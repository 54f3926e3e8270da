"""The collector's workers as the demo runs them, for benchmarks and fault tests."""

from __future__ import annotations

import os
from pathlib import Path

from hashinsight.core.supervisor import Supervisor
from hashinsight.overview.demo import stack


def start_workers(supervisor: Supervisor, folder: Path) -> None:
    """Start collector and worker with beat, in this process's environment."""
    env = {**os.environ, "HI_DB_ROLE": "worker", "PYTHONUNBUFFERED": "1"}
    (folder / "run").mkdir(parents=True, exist_ok=True)
    supervisor.start(*stack.workers(folder, env))
