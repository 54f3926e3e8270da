"""The pages in a browser: the way to a problem, live news, staleness, keys, themes, and axe on all of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from hashinsight.core import clock, push
from hosting.fleet.models import Miner
from hosting.telemetry.models import Live, Sweep
from tests.e2e.conftest import AXE, SIZES
from tests.pages.live_fleet import LiveFleet
from tests.support.cast import Cast

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # WhiteNoise answers with plain files, which Django wraps for ASGI by itself.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators"),
]
Visit = Callable[..., Any]
SHAPES = [("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark")]


def _paths(cast: Cast, live: LiveFleet) -> dict[str, str]:
    site = cast.site.public_id
    return {
        "home": "/",
        "site": f"/sites/{site}/",
        "list": f"/sites/{site}/miners/?status=attention",
        "nothing found": "/miners/?q=zzz",
        "miner": f"/miners/{live.miners[0].public_id}/",
        "miner in trouble": f"/miners/{live.by_trouble['conflict'].public_id}/",
        "miner never read": f"/miners/{live.by_trouble['never'].public_id}/",
        "script as a name": f"/miners/{live.by_trouble['script'].public_id}/",
        "import": "/fleet/import/",
        "password": "/accounts/password/change/",
        "not found": "/nothing/",
    }


def test_from_sign_in_to_a_miner_in_three_clicks(cast: Cast, visit: Visit) -> None:
    with visit() as v:
        v.sign_in("owner@example.test")
        v.page.locator(".live.is-live").wait_for()
        v.page.get_by_role("link", name=cast.site.name).click()
        v.page.locator(".map-zone canvas").first.wait_for()
        cell = v.page.locator(".map-zone canvas").first
        cell.hover(position={"x": 8, "y": 24})
        assert "H01-R1" in v.page.locator("#tip").inner_text()
        cell.click(position={"x": 8, "y": 24})
        v.page.wait_for_url(re.compile("/miners/"))
        assert v.page.locator("h1").inner_text() == "SN10000000"
        v.page.locator(".uplot canvas").first.wait_for()
        assert v.troubles() == []


def test_the_first_button_leads_to_the_machines(live: LiveFleet, visit: Visit) -> None:
    with visit("phone") as v:
        v.sign_in("owner@example.test")
        v.page.locator(".needs .is-main").click()
        v.page.wait_for_url(re.compile(r"/miners/\?status="))
        v.page.locator("tbody th a").first.click()
        v.page.wait_for_url(re.compile("/miners/[0-9a-z]{12}/"))
        assert v.troubles() == []


def _sweep_now(site: Any, *, seconds_ago: float = 0) -> None:
    at = clock.now() - timedelta(seconds=seconds_ago)
    Sweep.objects.create(
        site_id=site.pk, shard=0, slot_at=at, host_id=site.host_id, epoch=2,
        started_at=at - timedelta(seconds=5), finished_at=at, planned=100, good=98,
    )  # fmt: skip
    Live.objects.filter(site_id=site.pk, misses=0).update(sampled_at=at, attempted_at=at)


def test_news_change_the_page_without_a_reload(cast: Cast, live: LiveFleet, visit: Visit) -> None:
    first = live.miners[0]
    with visit() as v:
        v.sign_in("owner@example.test")
        v.go(f"/miners/{first.public_id}/")
        v.page.locator(".live.is-live").wait_for()
        v.page.evaluate("window.__same = true")
        Live.objects.filter(pk=first.pk).update(hashrate_ths=77.25)
        _sweep_now(cast.site)
        push.site_changed(cast.site.pk, host_id=cast.host.pk, slot_at=clock.now(), rows=1)
        v.page.locator(".tile.lead .fig-n", has_text="77.25").wait_for()
        assert v.page.evaluate("window.__same") is True
        assert v.troubles() == []


def test_stale_page_says_so_and_recovers(cast: Cast, live: LiveFleet, visit: Visit) -> None:
    Sweep.objects.all().delete()
    _sweep_now(cast.site, seconds_ago=200)
    with visit() as v:
        v.sign_in("owner@example.test")
        v.go(f"/sites/{cast.site.public_id}/")
        banner = v.page.locator("#stale-banner")
        banner.wait_for()
        assert re.search(r"Stale: nothing new since \d", banner.inner_text())
        assert v.page.locator("[data-last-sweep].is-stale").count() == 1
        _sweep_now(cast.site)
        push.site_changed(cast.site.pk, host_id=cast.host.pk, slot_at=clock.now(), rows=1)
        banner.wait_for(state="hidden")
        assert v.page.locator(".is-stale").count() == 0


def test_page_marks_itself_stale_by_its_own_clock(cast: Cast, live: LiveFleet, visit: Visit) -> None:
    with visit() as v:
        v.page.clock.install()
        v.sign_in("owner@example.test")
        assert v.page.locator("#stale-banner").is_hidden()
        v.page.route("**/*", lambda route: route.abort())
        v.page.clock.fast_forward(200_000)
        v.page.locator("#stale-banner").wait_for()


def test_signing_out_elsewhere_ends_the_page(
    cast: Cast, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.sessions.backends.cached_db import SessionStore
    from django.contrib.sessions.models import Session

    from hashinsight.web import events

    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.3)
    monkeypatch.setattr(events, "RECHECK_S", 0.5)
    with visit() as v:
        v.sign_in("owner@example.test")
        v.page.locator(".live.is-live").wait_for()
        for session in Session.objects.all():
            SessionStore(session.session_key).delete()
        v.page.locator("#stale-banner", has_text="signed out").wait_for()


def test_map_by_keyboard(cast: Cast, live: LiveFleet, visit: Visit) -> None:
    with visit() as v:
        v.sign_in("owner@example.test")
        v.go(f"/sites/{cast.site.public_id}/")
        v.page.locator(".map-zone canvas").first.wait_for()
        v.page.locator("#map").focus()
        v.page.keyboard.press("ArrowRight")
        said = v.page.locator("#map-said")
        assert "row 1, position 1" in said.inner_text()
        v.page.keyboard.press("ArrowRight")
        assert "row 1, position 2" in said.inner_text()
        v.page.keyboard.press("ArrowDown")
        assert "row 2, position 2" in said.inner_text()
        v.page.keyboard.press("Enter")
        v.page.wait_for_url(re.compile("/miners/"))
        place = Miner.objects.get(public_id=v.page.url.rstrip("/").rsplit("/", 1)[1]).slot
        assert place is not None
        assert (place.row, place.position) == (2, 2)


def test_theme_is_kept(visit: Visit) -> None:
    with visit("desktop", "light") as v:
        v.sign_in("owner@example.test")
        background = "getComputedStyle(document.body).backgroundColor"
        light = v.page.evaluate(background)
        v.page.locator("#theme-switch").click()
        dark = v.page.evaluate(background)
        assert dark != light
        v.page.reload()
        assert v.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert v.page.evaluate(background) == dark


def test_figure_tells_source_and_age(visit: Visit) -> None:
    with visit() as v:
        v.sign_in("owner@example.test")
        v.page.locator(".tile.lead .fig").first.hover()
        text = v.page.locator("#tip").inner_text()
        assert re.fullmatch(r"reported by \d+ of \d+ machines, long window · \d+ s ago", text)


@pytest.mark.parametrize(("size", "scheme"), SHAPES)
def test_axe_finds_nothing(cast: Cast, live: LiveFleet, visit: Visit, size: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip(f"NO ACCESSIBILITY TEST: {AXE} is missing; run npm ci (./hi test does)")
    found: dict[str, list[str]] = {}
    # axe has to be put into the page from outside, which the policy forbids: only this visitor is let off.
    with visit(size, scheme, bypass_csp=True) as v:
        v.go("/accounts/login/")
        found["sign-in"] = _axe(v.page)
        v.sign_in("owner@example.test")
        for name, path in _paths(cast, live).items():
            v.go(path)
            v.page.wait_for_load_state("load")
            v.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            if name == "site":
                v.page.locator(".map-zone canvas").first.wait_for()
            found[name] = _axe(v.page)
        v.go("/backoffice/")
        v.page.locator(".hi-numbers").wait_for()
        found["back office"] = _axe(v.page)
    assert {name: breaches for name, breaches in found.items() if breaches} == {}
    assert len(found) == 13


def _axe(page: Any) -> list[str]:
    page.add_script_tag(path=str(AXE))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{item['id']}: {item['help']} at {'; '.join(str(node['target'][0]) for node in item['nodes'][:4])}"
        for item in result["violations"]
    ]


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_nothing_breaks_the_policy_or_the_width(
    cast: Cast, live: LiveFleet, visit: Visit, size: str, scheme: str
) -> None:
    with visit(size, scheme) as v:
        v.sign_in("owner@example.test")
        for name, path in _paths(cast, live).items():
            v.go(path)
            v.page.wait_for_timeout(300)
            # A phone widens its window to fit what is too wide, so the size asked for is what counts.
            wide = v.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= SIZES[size]["viewport"]["width"], name
            wrong = [line for line in v.troubles() if "404" not in line or name != "not found"]
            assert wrong == [], name
            v.wrong.clear()
