"""The SQL of the status says the same as its pure twin, on random rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hashinsight.core import clock
from hosting.fleet.choices import DesiredState
from hosting.fleet.models import Miner
from hosting.telemetry.choices import Identity, Mode
from hosting.telemetry.domain import codes
from hosting.telemetry.domain.status import Seen, judge
from hosting.telemetry.models import Live
from hosting.telemetry.selectors import status as sql
from tests.support.cast import Cast
from tests.support.factories import make_miner

NOW = clock.now().replace(microsecond=0)
INTERVAL_S = settings.SWEEP_INTERVAL_S
# Around every limit of the rules, in seconds before now.
AGES = [-400, -30, 0, 20, 149, 150, 151, 194, 195, 196, 600, 90_000]

ages = st.none() | st.sampled_from(AGES)
figures = st.none() | st.sampled_from([0.0, 50.0, 84.9, 85.0, 85.1, 100.0, 119.0])
rows = st.fixed_dictionaries(
    {
        "attempted_at": ages,
        "next_due_at": ages,
        "sampled_at": ages,
        "misses": st.integers(0, 3),
        "mode": st.sampled_from([int(mode) for mode in Mode]),
        "identity": st.sampled_from([int(identity) for identity in Identity]),
        "hashrate_ths": figures,
        "hashrate_nominal_ths": st.sampled_from([None, 100.0, 140.0]),
        "temp_chip_max_c": st.sampled_from([None, 0.0, 94.9, 95.0, 110.0]),
        "uptime_s": st.sampled_from([None, 0, 899, 900, 100_000]),
        "boards_hashing": st.sampled_from([None, 0, 2, 3]),
        "boards_total": st.sampled_from([None, 3]),
        "fans_failed": st.sampled_from([None, 0, 1]),
    }
)
wishes = st.sampled_from([DesiredState.MINING, DesiredState.SLEEPING, DesiredState.MAINTENANCE])


def _moment(seconds_ago: int | None) -> datetime | None:
    return None if seconds_ago is None else NOW - timedelta(seconds=seconds_ago)


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cases=st.lists(st.tuples(wishes, st.none() | rows), min_size=8, max_size=8))
def test_sql_and_pure_twin_agree(cast: Cast, cases: list[tuple[str, dict[str, Any] | None]]) -> None:
    miners = list(Miner.objects.filter(site=cast.site).order_by("pk"))
    miners += [make_miner(cast.site) for _ in range(len(cases) - len(miners))]
    Live.objects.filter(site_id=cast.site.pk).delete()
    expected = {}
    for miner, (wish, row) in zip(miners, cases, strict=True):
        Miner.objects.filter(pk=miner.pk).update(desired_state=wish)
        known = None if row is None else {**row, **{k: _moment(row[k]) for k in _TIMES}}
        if known is not None:
            Live.objects.create(
                miner_id=miner.pk,
                site_id=miner.site_id,
                host_id=miner.host_id,
                organization_id=miner.organization_id,
                **known,
            )
        expected[miner.pk] = _verdict(miner, wish, known)
    assert _from_sql(cast) == expected


_TIMES = ("attempted_at", "next_due_at", "sampled_at")


def _verdict(miner: Miner, wish: str, known: dict[str, Any] | None) -> tuple[int, int]:
    facts = dict(known or {})
    nominal = facts.pop("hashrate_nominal_ths", None)
    seen = Seen(desired=wish, nominal_ths=miner.model.nominal_ths if nominal is None else nominal, **facts)
    status, reasons = judge(seen, NOW, INTERVAL_S)
    return int(status), int(reasons)


def _from_sql(cast: Cast) -> dict[int, tuple[int, int]]:
    query = f"SELECT m.id, {sql.STATUS}, {sql.REASONS}{sql.MINERS_IN_SCOPE} AND m.site_id = %(site_id)s"
    with connection.cursor() as cursor:
        cursor.execute(query, sql.parameters(cast.scope("owner"), now=NOW, site_id=cast.site.pk))
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}


def test_stored_numbers_are_those_of_the_domain() -> None:
    assert {mode.name: mode.value for mode in Mode} == {mode.name: mode.value for mode in codes.Mode}
    assert {one.name: one.value for one in Identity} == {one.name: one.value for one in codes.Identity}
