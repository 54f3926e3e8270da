"""Tenancy: row-level security as hi_web meets it, on real connections and in real transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.utils import DatabaseError

from hashinsight.core.errors import ScopeError
from hashinsight.core.scope import current_scope, open_scope, require_scope
from hosting.fleet.models import Miner, Rack, Site, Slot, Zone
from hosting.fleet.selectors import access_miner, access_site, miners, sites
from tests.support.cast import Cast
from tests.support.database import connect_as
from tests.support.factories import make_miner, make_rack_of_miners
from tests.support.roles import as_role

pytestmark = pytest.mark.django_db(transaction=True)
TENANT_TABLES = (Site, Zone, Rack, Slot, Miner)


@pytest.fixture
def fleet(cast: Cast) -> dict[str, Miner]:
    """One machine for everybody: whose it is -> the machine."""
    return {
        "a": make_rack_of_miners(cast.site, 1, cast.customer_a)[0],
        "b": make_rack_of_miners(cast.site, 1, cast.customer_b)[0],
        "a_south": make_rack_of_miners(cast.other_site, 1, cast.customer_a)[0],
        "own": make_rack_of_miners(cast.site, 1)[0],
        "stranger": make_rack_of_miners(cast.stranger_site, 1)[0],
    }


@contextmanager
def seen_by(cast: Cast, who: str) -> Iterator[None]:
    with as_role("hi_web"), open_scope(cast.scope(who)):
        yield


def names(fleet: dict[str, Miner]) -> set[str]:
    seen = set(Miner.objects.values_list("pk", flat=True))
    return {name for name, miner in fleet.items() if miner.pk in seen}


@pytest.mark.parametrize("role", ["hi_web", "hi_worker"])
def test_without_a_scope_nothing_is_seen_or_written(cast: Cast, fleet: dict[str, Miner], role: str) -> None:
    with as_role(role):
        assert [model.objects.count() for model in TENANT_TABLES] == [0] * len(TENANT_TABLES)
        assert Miner.objects.update(worker="taken") == 0
        assert Site.objects.filter(pk=cast.site.pk).update(name="taken") == 0
        with pytest.raises(ProgrammingError, match="row-level security"):
            make_miner(cast.site, model=fleet["a"].model)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("owner", {"a", "b", "a_south", "own"}),
        ("admin", {"a", "b", "a_south", "own"}),
        ("operator", {"a", "b", "own"}),
        ("client_a", {"a", "a_south"}),
        ("client_b", {"b"}),
        ("partner", set()),
        ("stranger", {"stranger"}),
    ],
)
def test_each_of_the_cast_sees_just_their_own(
    cast: Cast, fleet: dict[str, Miner], who: str, expected: set[str]
) -> None:
    with seen_by(cast, who):
        assert names(fleet) == expected
        scope = require_scope()
        assert set(miners(scope)) == {fleet[name] for name in expected}
        places = {fleet[name].site_id for name in expected}
        host_places = {site.pk for site in sites(scope)}
        assert host_places == (places or host_places - {cast.stranger_site.pk})


def test_selectors_alone_would_do_too(cast: Cast, fleet: dict[str, Miner]) -> None:
    """The first wall by itself: as owner of the tables, no policy in the way."""
    for who, expected in {
        "client_a": {"a", "a_south"},
        "operator": {"a", "b", "own"},
        "partner": set(),
    }.items():
        assert set(miners(cast.scope(who))) == {fleet[name] for name in expected}
    assert [site.slug for site in sites(cast.scope("client_b"))] == ["north"]
    assert list(sites(cast.scope("partner"))) == []


@pytest.mark.parametrize("who", ["owner", "operator", "client_a", "partner", "guest"])
def test_a_strangers_things_are_not_found(cast: Cast, fleet: dict[str, Miner], who: str) -> None:
    from django.http import Http404

    scope = cast.scope(who)
    with seen_by(cast, who):
        with pytest.raises(Http404) as caught:
            access_miner(scope, fleet["stranger"].public_id)
        assert getattr(caught.value, "status", None) == 404
        with pytest.raises(Http404):
            access_site(scope, cast.stranger_site.public_id)
        if who == "client_a":
            assert access_miner(scope, fleet["a"].public_id) == fleet["a"]
            with pytest.raises(Http404):
                access_miner(scope, fleet["b"].public_id)


def test_foreign_rows_cannot_be_made_taken_or_given_away(cast: Cast, fleet: dict[str, Miner]) -> None:
    attempts: list[tuple[str, Callable[[], Any]]] = [
        ("owner", lambda: make_miner(cast.stranger_site, model=fleet["a"].model)),
        ("owner", lambda: Miner.objects.filter(pk=fleet["a"].pk).update(host_id=cast.host2.pk)),
        ("client_a", lambda: make_miner(cast.site, cast.customer_b, model=fleet["a"].model)),
        ("client_a", lambda: Miner.objects.filter(pk=fleet["a"].pk).update(organization=cast.customer_b)),
        ("operator", lambda: Miner.objects.filter(pk=fleet["a"].pk).update(site=cast.other_site)),
    ]
    for who, attempt in attempts:
        with pytest.raises(ProgrammingError, match="row-level security"), seen_by(cast, who):
            attempt()
    with seen_by(cast, "owner"):
        assert Miner.objects.filter(pk=fleet["stranger"].pk).update(worker="taken") == 0
        assert Miner.objects.filter(pk=fleet["stranger"].pk).delete()[0] == 0


def test_an_operator_without_a_site_sees_none(cast: Cast, fleet: dict[str, Miner]) -> None:
    scope = replace(cast.scope("operator"), site_ids=frozenset())
    with as_role("hi_web"), open_scope(scope):
        assert names(fleet) == set()


def test_an_equal_scope_nests_another_is_refused(cast: Cast) -> None:
    owner = cast.scope("owner")
    with as_role("hi_web"), open_scope(owner):
        with open_scope(cast.scope("owner")):
            assert Site.objects.count() == 2
        assert Site.objects.count() == 2
        for other in ("admin", "client_a", "stranger"):
            with pytest.raises(ScopeError, match="another scope"), open_scope(cast.scope(other)):
                pass
        assert current_scope() == owner
    assert current_scope() is None
    with pytest.raises(ScopeError, match="no scope is open"):
        require_scope()


def test_the_variables_end_with_the_transaction(cast: Cast) -> None:
    with as_role("hi_web"):
        for fails in (False, True):
            try:
                with open_scope(cast.scope("owner")):
                    assert Site.objects.count() == 2
                    if fails:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                pass
            assert Site.objects.count() == 0
            assert current_scope() is None


def test_the_variables_end_with_the_scope_inside_a_larger_transaction(cast: Cast) -> None:
    with as_role("hi_web"), transaction.atomic():
        with open_scope(cast.scope("owner")):
            assert Site.objects.count() == 2
        assert Site.objects.count() == 0
        with open_scope(cast.scope("stranger")):
            assert Site.objects.count() == 1


def test_a_pooled_connection_carries_nothing_to_its_next_user(cast: Cast) -> None:
    from psycopg_pool import ConnectionPool

    count = "SELECT count(*) FROM fleet_site"
    with ConnectionPool(_dsn("web"), min_size=1, max_size=1, timeout=10) as pool:
        with pool.connection() as first, first.transaction():
            first.execute("SELECT set_config('hi.host_id', %s, true)", [str(cast.host.pk)])
            assert first.execute(count).fetchone() == (2,)
        with pool.connection() as second:
            assert second.execute(count).fetchone() == (0,)
            assert second.execute("SELECT current_user").fetchone() == ("hi_web",)


def _dsn(role: str) -> str:
    with connect_as(role) as other:
        password = other.info.password
        return f"{other.info.dsn} password={password}"


@pytest.mark.parametrize("value", ["abc", "1;2", "' OR 1=1"])
def test_a_variable_that_is_no_number_is_an_error_never_a_door(cast: Cast, value: str) -> None:
    with as_role("hi_web"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('hi.host_id', %s, true)", [value])
        with pytest.raises(DatabaseError):
            Site.objects.count()
