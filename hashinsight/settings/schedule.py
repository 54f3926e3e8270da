"""What Celery beat starts and how often. The code is the one source of the schedule."""

from __future__ import annotations

from typing import Any


def beat() -> dict[str, dict[str, Any]]:
    """The beat table; every entry expires before its next run, so a backlog never grows."""
    return {
        "sweep": {
            "task": "hosting.telemetry.tasks.start_sweeps",
            # Each second it is looked which slots are due: a sweep starts on time, and a lost one is found.
            "schedule": 1.0,
            "options": {"expires": 2, "queue": "default"},
        },
        "partitions": {
            "task": "hosting.telemetry.tasks.keep_partitions",
            "schedule": 1800.0,
            "options": {"expires": 1700, "queue": "default"},
        },
        "hunt": {
            "task": "hosting.telemetry.tasks.hunt_moved",
            "schedule": 300.0,
            "options": {"expires": 290, "queue": "default"},
        },
        "outbox": {
            "task": "hashinsight.core.tasks.send_outbox",
            "schedule": 2.0,
            "options": {"expires": 2, "queue": "default"},
        },
    }
