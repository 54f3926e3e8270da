"""A site whose miners live on loopback, and simulator processes that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hosting.fleet.models import Site
    from hosting.simulator.fleet import Fleet
    from tests.integration.telemetry.rig import Rig
    from tests.support.cast import Cast


@pytest.fixture
def polled_site(cast: Cast) -> Iterator[Site]:
    """The cast's site with the range 127.0.0.0/8; the telemetry connection is closed after the test."""
    from django.db import connections

    from tests.support.database import forget_cache

    site = cast.site
    site.address_ranges = ["127.0.0.0/8"]
    site.save()
    forget_cache()
    yield site
    connections["telemetry"].close()


@pytest.fixture
def start(polled_site: Site, tmp_path: Path, settings: Any) -> Iterator[Callable[[Fleet], Rig]]:
    """``start(fleet)``: a simulator with these miners, which stand in the site's inventory."""
    from tests.integration.simulator.running import running
    from tests.integration.telemetry.rig import Rig, enrol

    settings.MINER_HTTP_USER, settings.MINER_HTTP_PASSWORD = "tech", "s3cret"
    with ExitStack() as stack:

        def begin(fleet: Fleet) -> Rig:
            process = stack.enter_context(running(fleet, tmp_path))
            return Rig(polled_site, process, enrol(polled_site, fleet))

        yield begin
