"""One simulator for the tests of a module: each model healthy, then spares to misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hosting.simulator.models import MODELS
from tests.integration.simulator.running import Running, fleet_of, free_port, running


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Index 0..11: one of each model in the order of MODELS; 12.. six Antminers S19 Pro; the last is refused."""
    port, http_port = free_port(), free_port()
    rows = [(slug, {}) for slug in MODELS] + [("antminer-s19-pro", {}) for _ in range(6)]
    fleet = fleet_of(rows, port, http_port)
    folder: Path = tmp_path_factory.mktemp("simulator")
    with running(fleet, folder) as process:
        yield process
