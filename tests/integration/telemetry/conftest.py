"""A site whose miners live on loopback, and simulator processes that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from hosting.fleet.models import Site
from hosting.simulator.fleet import Fleet
from hosting.telemetry.services.sweeps import Due
from tests.integration.simulator.running import running
from tests.integration.telemetry.rig import SLOT, Rig, enrol, due_of
from tests.support.cast import Cast
from tests.support.database import forget_cache


@pytest.fixture
def polled_site(cast: Cast) -> Iterator[Site]:
    """The cast's site with the range 127.0.0.0/8; the telemetry connection is closed after the test."""
    site = cast.site
    site.address_ranges = ["127.0.0.0/8"]
    site.save()
    forget_cache()
    yield site
    connections["telemetry"].close()


@pytest.fixture
def due(polled_site: Site) -> Due:
    """The site's only shard in the slot SLOT."""
    return due_of(polled_site, SLOT)


@pytest.fixture
def start(polled_site: Site, tmp_path: Path, settings: Any) -> Iterator[Callable[[Fleet], Rig]]:
    """``start(fleet)``: a simulator with these miners, which stand in the site's inventory."""
    settings.MINER_HTTP_USER, settings.MINER_HTTP_PASSWORD = "tech", "s3cret"
    with ExitStack() as stack:

        def begin(fleet: Fleet) -> Rig:
            process = stack.enter_context(running(fleet, tmp_path))
            return Rig(polled_site, process, enrol(polled_site, fleet))

        yield begin
