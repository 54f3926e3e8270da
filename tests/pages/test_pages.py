"""What the pages say: figures with source and age, three states, problems, lists, maps, histories."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hosting.telemetry.domain.status import Status
from hosting.telemetry.models import Live
from tests.pages.live_fleet import SCRIPT, TROUBLES, LiveFleet, fill
from tests.support.cast import Cast

ClientFor = Callable[..., Any]
PAGES = ["home", "site", "site_miners", "miners", "miner"]


def _url(name: str, cast: Cast, live: LiveFleet) -> str:
    return {
        "home": reverse("overview:home"),
        "site": reverse("telemetry:site", args=[cast.site.public_id]),
        "site_miners": reverse("telemetry:site_miners", args=[cast.site.public_id]),
        "miners": reverse("telemetry:miners"),
        "miner": reverse("telemetry:miner", args=[live.miners[0].public_id]),
    }[name]


class _Inline(HTMLParser):
    """Collects what a strict policy forbids: inline scripts and styles, handlers, foreign addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and not names.get("src")):
            self.found.append(tag)
        self.found += [f"{tag}[{name}]" for name in names if name == "style" or name.startswith("on")]
        if tag in {"script", "link", "img"} and re.match(
            r"(?:https?:)?//", names.get("src") or names.get("href") or ""
        ):
            self.found.append(f"{tag} from outside")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_inline_and_a_strict_policy(
    cast: Cast, live: LiveFleet, client_for: ClientFor, name: str
) -> None:
    answer = client_for(cast.owner).get(_url(name, cast, live))
    parser = _Inline()
    parser.feed(answer.content.decode())
    assert parser.found == []
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "style-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    assert answer["Cache-Control"] == "no-store"


def test_only_the_back_office_has_its_own_policy(cast: Cast, client_for: ClientFor) -> None:
    policy = client_for(cast.owner).get(reverse("admin:index"))["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_shows_source_and_age(
    cast: Cast, live: LiveFleet, client_for: ClientFor, name: str
) -> None:
    page = client_for(cast.owner).get(_url(name, cast, live)).content.decode()
    figures = re.findall(r'<span class="fig is-(\w+)[^"]*" data-tip="([^"]*)"([^>]*)>', page)
    assert len(figures) > 5
    for state, source, rest in figures:
        assert source, page
        # What was read has a time; what only the inventory says, or nobody, has none.
        assert state in {"unknown", "none"} or "data-at=" in rest or "inventory" in source, (state, source)


@pytest.mark.parametrize("name", PAGES)
def test_fragment_is_the_live_part_of_the_page(
    cast: Cast, live: LiveFleet, client_for: ClientFor, name: str
) -> None:
    client = client_for(cast.owner)
    answer = client.get(_url(name, cast, live), headers={"HX-Request": "true"})
    part = answer.content.decode()
    assert "<html" not in part
    assert "data-last-sweep=" in part
    assert "HX-Request" in answer["Vary"]


# Constant whatever the number of machines: session, user, membership, scope and then the page's own.
QUERIES = {"home": 10, "site": 12, "site_miners": 10, "miners": 10, "miner": 10}


@pytest.mark.parametrize("name", PAGES)
def test_query_counts_are_small_and_constant(
    cast: Cast, live: LiveFleet, client_for: ClientFor, name: str
) -> None:
    client = client_for(cast.owner)
    url = _url(name, cast, live)
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(url)
    fill(cast.other_site, [cast.host, cast.customer_a], 150, number=3)
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(few)
    assert len(many) <= QUERIES[name], "\n".join(query["sql"][:200] for query in many)


def test_home_adds_up(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    fleet = client_for(cast.owner).get("/").context["fleet"]
    counts = fleet.totals.counts
    assert counts == {
        Status.UNKNOWN: 2,  # never tried, collector silent
        Status.ONLINE: 28,
        Status.ATTENTION: 7,
        Status.OFFLINE: 2,
        Status.ASLEEP: 1,
    }
    reporting = Live.objects.filter(site_id=cast.site.pk, misses=0).exclude(
        miner_id=live.by_trouble["silent"].pk
    )
    rates = [row.hashrate_ths for row in reporting if row.hashrate_ths is not None]
    assert fleet.totals.hashrate_ths == pytest.approx(sum(rates))
    powers = [row.power_w for row in reporting if row.power_w is not None]
    assert fleet.totals.power_w == sum(powers)
    assert fleet.totals.power_of == len(powers) == 35
    both = [row for row in reporting if row.power_w is not None and row.hashrate_ths]
    expected = sum(row.power_w or 0 for row in both) / sum(row.hashrate_ths or 0 for row in both)
    assert fleet.totals.efficiency == pytest.approx(expected, rel=0.02)
    assert fleet.capacity_w is None  # South's capacity is unknown, so the sum is


def test_problems_are_grouped_dearest_first(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    problems = client_for(cast.owner).get("/").context["fleet"].problems
    assert {problem.word.slug for problem in problems} == {
        "timeout", "refused", "boards", "hot", "low-hashrate", "error", "fans", "conflict",
        "asleep-unplanned",
    }  # fmt: skip
    losses = [problem.shortfall_ths for problem in problems]
    assert losses == sorted(losses, reverse=True)
    by_slug = {problem.word.slug: problem for problem in problems}
    gone = live.by_trouble["timeout"]
    assert by_slug["timeout"].worst[0].public_id == gone.public_id
    assert by_slug["timeout"].shortfall_ths == pytest.approx(gone.model.nominal_ths)


def test_a_problem_is_three_clicks_from_home(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    client = client_for(cast.owner)
    home = client.get("/").content.decode()
    listed = reverse("telemetry:miners") + "?status=attention&amp;reason=boards"
    assert f'href="{listed}"' in home
    rows = client.get(listed.replace("&amp;", "&"))
    miner = reverse("telemetry:miner", args=[live.by_trouble["board"].public_id])
    assert [row.public_id for row in rows.context["rows"]] == [live.by_trouble["board"].public_id]
    assert f'href="{miner}"' in rows.content.decode()
    assert "hash board down" in client.get(miner).content.decode()


def test_script_from_a_miner_is_text(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    client = client_for(cast.owner)
    bad = live.by_trouble["script"]
    for url in (reverse("telemetry:miner", args=[bad.public_id]), reverse("telemetry:miners")):
        page = client.get(url).content.decode()
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


def test_states_unknown_and_zero_differ(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    client = client_for(cast.owner)
    zero = client.get(reverse("telemetry:miner", args=[live.by_trouble["zero"].public_id]))
    assert 'class="fig is-zero' in zero.content.decode()
    never = client.get(reverse("telemetry:miner", args=[live.by_trouble["never"].public_id])).content.decode()
    assert 'class="fig is-unknown' in never
    assert "never read" in never


def test_detail_of_any_shape_is_shown(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    miner = live.miners[0]
    shapes: list[Any] = [
        [], "text", {"boards": 3}, {"boards": [None, {"ths": "9", "i": None}]}, {"fans": {"a": 1}},
        {"pools": [{"url": None, "alive": "Y"}]}, {"errors": [{"deep": [1]}, None, SCRIPT]},
    ]  # fmt: skip
    for shape in shapes:
        Live.objects.filter(pk=miner.pk).update(detail=shape)
        answer = client_for(cast.owner).get(reverse("telemetry:miner", args=[miner.public_id]))
        assert answer.status_code == 200, shape
        assert SCRIPT not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "offline"}, {"timeout", "refused"}),
        ({"status": "offline", "cause": "refused"}, {"refused"}),
        ({"status": "unknown"}, {"never", "silent"}),
        ({"status": "asleep"}, {"asleep"}),
        ({"reason": "hot"}, {"hot"}),
        ({"q": "02:01:00:00:00:03"}, {"board"}),
        ({"q": "02-01-00-00-00-03"}, {"board"}),
        ({"q": "sn10000003"}, {"board"}),
        ({"q": "10.1.0.3"}, {"board"}),
        ({"q": "<script"}, {"script"}),
        ({"q": "%"}, set()),
        ({"q": "_N1"}, set()),
    ],
)
def test_list_filters(
    cast: Cast, live: LiveFleet, client_for: ClientFor, query: dict[str, str], expected: set[str]
) -> None:
    rows = client_for(cast.owner).get(reverse("telemetry:miners"), query).context["rows"]
    by_id = {miner.public_id: trouble for trouble, miner in live.by_trouble.items()}
    found = {by_id.get(row.public_id, row.public_id) for row in rows if row.name != "SN10000030"}
    if "q" in query and query["q"] == "10.1.0.3":  # a prefix: .30 to .39 begin so as well
        found = {name for name in found if name in TROUBLES.values()}
    assert found == expected


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=999", "?page=x", "?rack=-1", "?rack=%00", "?status=no", "?q=%00"]
)
def test_odd_queries_do_no_harm(cast: Cast, live: LiveFleet, client_for: ClientFor, query: str) -> None:
    assert client_for(cast.owner).get(reverse("telemetry:miners") + query).status_code == 200


def test_list_is_paged(cast: Cast, client_for: ClientFor) -> None:
    fill(cast.site, [cast.host], 120)
    client = client_for(cast.owner)
    pages = [client.get(reverse("telemetry:miners"), {"page": n}).context for n in (1, 2, 3)]
    assert [len(page["rows"]) for page in pages] == [50, 50, 20]
    assert [(page["previous"], page["next"]) for page in pages] == [(None, 2), (1, 3), (2, None)]
    assert {page["found"] for page in pages} == {120}
    ids = [row.public_id for page in pages for row in page["rows"]]
    assert len(set(ids)) == 120


def test_heatmap_columns(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    client = client_for(cast.owner)
    url = reverse("telemetry:heatmap", args=[cast.site.public_id])
    full = client.get(url).json()
    columns = ("id", "rack", "row", "position", "model", "status", "hashrate", "temp", "power", "seen")
    assert {name: len(full[name]) for name in columns} == dict.fromkeys(columns, 40)
    assert full["zones"] == [{"name": "Hall 01", "racks": [{"name": "H01-R1", "rows": 7, "cols": 6}]}]
    board = full["id"].index(live.by_trouble["board"].public_id)
    row = Live.objects.get(pk=live.by_trouble["board"].pk)
    assert full["status"][board] == Status.ATTENTION
    assert full["hashrate"][board] == pytest.approx(100 * (row.hashrate_ths or 0) / 104.0, abs=0.06)
    never = full["id"].index(live.by_trouble["never"].public_id)
    assert [full[name][never] for name in ("status", "hashrate", "temp", "power", "seen")] == [
        0,
        None,
        None,
        None,
        None,
    ]
    short = client.get(url, {"layout": full["layout"]}).json()
    assert "id" not in short
    assert short["status"] == full["status"]


def test_machine_without_a_slot_is_on_the_map(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    loose = live.miners[-1]
    loose.slot = None
    loose.save()
    cells = client_for(cast.owner).get(reverse("telemetry:heatmap", args=[cast.site.public_id])).json()
    assert cells["rack"][cells["id"].index(loose.public_id)] == -1
    assert cells["id"][-1] == loose.public_id


def test_history_shows_gaps_as_gaps(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    url = reverse("telemetry:history", args=[live.miners[0].public_id])
    day = client_for(cast.owner).get(url).json()
    assert day["t"] == sorted(day["t"])
    gaps = [i for i, value in enumerate(day["hashrate"]) if value is None]
    assert len(gaps) == 1
    before, after = day["t"][gaps[0] - 1], day["t"][gaps[0] + 1]
    assert after - before == timedelta(minutes=121).total_seconds()
    assert len(day["t"]) == 1438 - 120 + 1


def test_empty_host_is_told_what_comes(cast: Cast, client_for: ClientFor) -> None:
    page = client_for(cast.partner).get("/").content.decode()
    assert "No sites yet" in page
    assert "Nothing is shared with you yet" in client_for(cast.guest).get("/").content.decode()


def test_person_without_membership(client_for: ClientFor, django_user_model: Any) -> None:
    nobody = django_user_model.objects.create_user("nobody@example.test", "twelve loud fans hum")
    answer = client_for(nobody).get("/")
    assert answer.status_code == 200
    assert "not a member of an organization" in answer.content.decode()


def test_site_without_sweep_says_so(cast: Cast, client_for: ClientFor) -> None:
    page = client_for(cast.owner).get(reverse("telemetry:site", args=[cast.site.public_id])).content.decode()
    assert "waiting for the first one" in page


def test_claim_is_listed_with_its_buttons(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    url = reverse("telemetry:site", args=[cast.site.public_id])
    confirm = reverse("telemetry:decide_claim", args=[cast.site.public_id, live.claim.public_id, "confirm"])
    assert confirm in client_for(cast.operator).get(url).content.decode()
    assert confirm not in client_for(cast.client_b).get(url).content.decode()


def test_modes_of_the_map_match_the_page(cast: Cast, live: LiveFleet, client_for: ClientFor) -> None:
    """The script counts on the order of the status words."""
    page = client_for(cast.owner).get(reverse("telemetry:site", args=[cast.site.public_id])).content.decode()
    assert "unknown|online|attention|offline|asleep" in page
    assert [status.name for status in Status] == ["UNKNOWN", "ONLINE", "ATTENTION", "OFFLINE", "ASLEEP"]
