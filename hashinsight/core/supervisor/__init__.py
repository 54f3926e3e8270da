"""Runs processes for as long as the launcher lives: ordered start, restart of the dead, ordered stop.

Standard library only. Linux only (``/proc``, ``prctl``).
"""

from hashinsight.core.supervisor.engine import StartError, StopRequested, Supervisor
from hashinsight.core.supervisor.launch import RunAs
from hashinsight.core.supervisor.spec import Phase, ProcessSpec, ProcessStatus, Tier, url_answers

__all__ = [
    "Phase",
    "ProcessSpec",
    "ProcessStatus",
    "RunAs",
    "StartError",
    "StopRequested",
    "Supervisor",
    "Tier",
    "url_answers",
]
