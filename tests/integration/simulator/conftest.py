"""One simulator for the tests of a module: each model healthy, then spares to misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hosting.simulator.models import MODELS
from tests.integration.simulator.running import Running, fleet_of, free_port, running


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Index 0..11: one of each model in the order of MODELS; 12..17: Antminers S19 Pro to misbehave."""
    port, http_port = free_port(), free_port()
    healthy: dict[str, Any] = {}
    rows = [(slug, healthy) for slug in (*MODELS, *["antminer-s19-pro"] * 6)]
    fleet = fleet_of(rows, port, http_port)
    folder: Path = tmp_path_factory.mktemp("simulator")
    with running(fleet, folder) as process:
        yield process
