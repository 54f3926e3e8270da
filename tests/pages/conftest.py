"""Fixtures of page tests: the cast's sites with live machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pages.live_fleet import LiveFleet
    from tests.support.cast import Cast


@pytest.fixture
def live(cast: Cast) -> LiveFleet:
    """Forty machines on the operator's site: the host's, customer A's and customer B's in turn."""
    from tests.pages.live_fleet import fill

    return fill(cast.site, [cast.host, cast.customer_a, cast.customer_b])


@pytest.fixture
def stranger_live(cast: Cast) -> LiveFleet:
    """Three machines of the other host."""
    from tests.pages.live_fleet import fill

    return fill(cast.stranger_site, [cast.host2], 3, number=2)
