"""The tests' own ground: cast, roles, aliases, cleaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from hosting.fleet.models import Miner, Site
from tests.support.cast import Cast
from tests.support.factories import make_miner


def test_the_cast_is_made_by_real_services(cast: Cast) -> None:
    assert cast.scope("owner").site_ids is None
    assert cast.scope("operator").site_ids == frozenset({cast.site.pk})
    assert cast.scope("client_a").organization_id == cast.customer_a.pk
    assert cast.scope("stranger").host_id == cast.host2.pk


def test_the_role_is_switched_and_back(cast: Cast, as_web: Callable[[], Any]) -> None:
    with as_web(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone()[0] == "hi_web"
        assert Site.objects.count() == 0
    assert Site.objects.count() == 3


@pytest.mark.django_db(transaction=True, databases=["default", "telemetry"])
@pytest.mark.parametrize("turn", [1, 2])
def test_the_telemetry_alias_sees_committed_rows_of_the_same_database(cast: Cast, turn: int) -> None:
    """Twice, so that the second turn shows that the first was cleaned away by the wipe."""
    assert Miner.objects.count() == 0
    miner = make_miner(cast.site)
    with connections["telemetry"].cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchone() == ("hi_telemetry", connection.settings_dict["NAME"])
        cursor.execute("SELECT id FROM fleet_miner")
        assert cursor.fetchall() == [(miner.pk,)]
    with connections["telemetry"].cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('telemetry_live', 'INSERT'), rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (True, True)
