"""The audit trail: written with what it records, never changed, read by its own host alone."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction

from hashinsight.audit.models import Entry
from hashinsight.audit.selectors import entries
from hashinsight.audit.services import record
from hashinsight.core.requestinfo import RequestInfo, serving
from hashinsight.core.scope import open_scope
from tests.support.cast import Cast
from tests.support.roles import as_role


def write(cast: Cast, action: str = "test.act", organization_id: int | None = None) -> None:
    record(
        actor=cast.owner,
        action=action,
        target=cast.site,
        host_id=cast.host.pk,
        organization_id=organization_id or cast.host.pk,
        before={"a": None},
        after={"a": 1},
    )


def test_an_entry_says_who_what_where_and_from_where(cast: Cast) -> None:
    with serving(RequestInfo("request-1", "192.0.2.7")), as_role("hi_web"), open_scope(cast.scope("owner")):
        write(cast)
    entry = Entry.objects.get(action="test.act")
    assert (entry.actor_id, entry.actor_name) == (cast.owner.pk, "Owner")
    assert (entry.target_type, entry.target_id) == ("fleet.site", cast.site.public_id)
    assert (entry.before, entry.after) == ({"a": None}, {"a": 1})
    assert (entry.request_id, entry.address) == ("request-1", "192.0.2.7")


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded(cast: Cast) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        write(cast)
    with transaction.atomic():
        write(cast)
        transaction.set_rollback(True)
    assert not Entry.objects.filter(action="test.act").exists()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entry SET actor_name = 'nobody'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"],
)
def test_not_even_the_owner_of_the_tables_changes_it(cast: Cast, statement: str) -> None:
    before = Entry.objects.count()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert Entry.objects.count() == before > 0


def test_readers_see_their_own_part(cast: Cast) -> None:
    write(cast, "host.act")
    write(cast, "customer.act", cast.customer_a.pk)
    expected = {"owner": {"host.act", "customer.act"}, "client_a": {"customer.act"}, "stranger": set()}
    for who, actions in expected.items():
        with as_role("hi_web"), open_scope(cast.scope(who)):
            seen = set(Entry.objects.filter(action__endswith=".act").values_list("action", flat=True))
            assert seen == actions
            assert set(entries(cast.scope(who)).filter(action__endswith=".act")) == set(
                Entry.objects.filter(action__endswith=".act")
            )
    with as_role("hi_web"):
        assert Entry.objects.count() == 0


@pytest.mark.parametrize("role", ["hi_web", "hi_worker"])
def test_the_application_may_add_but_not_change(cast: Cast, role: str) -> None:
    with as_role(role), open_scope(cast.scope("owner")):
        write(cast)
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            Entry.objects.filter(action="test.act").update(actor_name="nobody")
