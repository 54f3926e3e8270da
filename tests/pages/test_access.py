"""Every page, every role: who gets what, and strangers find nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from tests.pages.live_fleet import LiveFleet
from tests.support.cast import Cast

ClientFor = Callable[..., Any]
ROLES = ["owner", "admin", "operator", "client_a", "client_b", "partner", "guest", "stranger"]

# What each role gets of a page of `site` or of the miner of customer A that stands there.
SITE = {
    "owner": 200, "admin": 200, "operator": 200, "client_a": 200, "client_b": 200,
    "partner": 404, "guest": 403, "stranger": 404,
}  # fmt: skip
MINER_OF_A = {**SITE, "client_b": 404}
LISTS = {**dict.fromkeys(ROLES, 200), "guest": 403}
HOME = dict.fromkeys(ROLES, 200)
BACKOFFICE = {**dict.fromkeys(ROLES, 403), "owner": 200, "admin": 200, "operator": 200, "stranger": 200}
# A claim on a machine of the host: nobody but the host's staff may decide it.
DECIDE = {
    "owner": 302, "admin": 302, "operator": 302, "client_a": 403, "client_b": 403,
    "partner": 403, "guest": 403, "stranger": 404,
}  # fmt: skip


def _addresses(cast: Cast, live: LiveFleet) -> dict[str, tuple[str, dict[str, int]]]:
    site, miner = cast.site.public_id, live.miners[1].public_id
    return {
        "home": (reverse("overview:home"), HOME),
        "site": (reverse("telemetry:site", args=[site]), SITE),
        "heatmap": (reverse("telemetry:heatmap", args=[site]), SITE),
        "site miners": (reverse("telemetry:site_miners", args=[site]), SITE),
        "miners": (reverse("telemetry:miners"), LISTS),
        "miner": (reverse("telemetry:miner", args=[miner]), MINER_OF_A),
        "history": (reverse("telemetry:history", args=[miner]), MINER_OF_A),
        "back office": (reverse("admin:index"), BACKOFFICE),
    }


@pytest.mark.parametrize("role", ROLES)
def test_every_page_for_every_role(cast: Cast, live: LiveFleet, client_for: ClientFor, role: str) -> None:
    client = client_for(getattr(cast, role))
    got = {name: client.get(url).status_code for name, (url, _want) in _addresses(cast, live).items()}
    assert got == {name: want[role] for name, (_url, want) in _addresses(cast, live).items()}


@pytest.mark.parametrize("role", ROLES)
def test_fragments_are_guarded_like_pages(
    cast: Cast, live: LiveFleet, client_for: ClientFor, role: str
) -> None:
    client = client_for(getattr(cast, role))
    for name, (url, want) in _addresses(cast, live).items():
        if name != "back office":
            assert client.get(url, headers={"HX-Request": "true"}).status_code == want[role], name


def test_anonymous_is_sent_to_sign_in(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    client = client_for()
    for name, (url, _want) in _addresses(cast, live).items():
        answer = client.get(url, follow=True)
        assert answer.redirect_chain[-1][0].startswith(reverse("account_login")), name


def test_a_server_without_asgi_says_so_instead_of_holding_a_thread(cast: Cast, client_for: ClientFor) -> None:
    assert client_for(cast.owner).get(reverse("events")).status_code == 501


def test_anonymous_gets_no_events(client_for: ClientFor) -> None:
    assert client_for().get(reverse("events")).status_code == 401


@pytest.mark.parametrize("role", ROLES)
def test_claims_are_decided_by_the_hosts_staff_only(
    cast: Cast, live: LiveFleet, client_for: ClientFor, role: str
) -> None:
    client = client_for(getattr(cast, role))
    url = reverse("telemetry:decide_claim", args=[cast.site.public_id, live.claim.public_id, "dismiss"])
    assert client.get(url).status_code == 405
    assert client.post(url).status_code == DECIDE[role]
    live.claim.refresh_from_db()
    assert live.claim.state == ("dismissed" if DECIDE[role] == 302 else "open")


def test_operator_sees_only_assigned_sites(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    client = client_for(cast.operator)
    page = client.get("/").content.decode()
    assert cast.site.name in page
    assert cast.other_site.public_id not in page
    assert client.get(reverse("telemetry:site", args=[cast.other_site.public_id])).status_code == 404


def test_customer_counts_only_own_machines(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    page = client_for(cast.client_a).get(reverse("telemetry:site", args=[cast.site.public_id]))
    own = [miner for miner in live.miners if miner.organization_id == cast.customer_a.pk]
    assert page.context["totals"].miners == len(own) == 13
    assert page.context["capacity_w"] is None
    rows = client_for(cast.client_a).get(reverse("telemetry:miners")).context["rows"]
    assert {row.public_id for row in rows} == {miner.public_id for miner in own}
    cells = client_for(cast.client_a).get(reverse("telemetry:heatmap", args=[cast.site.public_id])).json()
    assert set(cells["id"]) == {miner.public_id for miner in own}


def test_stranger_sees_only_own_host(
    cast: Cast, live: LiveFleet, stranger_live: LiveFleet, client_for: ClientFor
) -> None:
    client = client_for(cast.stranger)
    rows = client.get(reverse("telemetry:miners")).context["rows"]
    assert {row.public_id for row in rows} == {miner.public_id for miner in stranger_live.miners}
    fleet = client.get("/").context["fleet"]
    assert [line.site.pk for line in fleet.lines] == [cast.stranger_site.pk]
    assert fleet.totals.miners == 3
