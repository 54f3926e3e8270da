"""The database roles: what each may do, asked of PostgreSQL itself and tried on connections of their own."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from hashinsight.core.grants import RULES, privileges
from tests.support.database import connect_as

pytestmark = pytest.mark.django_db(transaction=True)
APPLICATION = ("web", "worker", "telemetry")


def rows(connection: psycopg.Connection[tuple[object, ...]], query: str) -> list[tuple[object, ...]]:
    return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("role", APPLICATION)
def test_no_role_of_the_application_is_owner_or_superuser(role: str) -> None:
    with connect_as(role) as connection:
        attributes = rows(
            connection,
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user",
        )
        assert attributes == [(f"hi_{role}", False, False, False, role == "telemetry")]
        assert rows(connection, "SELECT 1 FROM pg_class WHERE relowner = current_user::regrole") == []
        owner = "SELECT pg_has_role(current_user, 'hi_migrate', 'USAGE')"
        assert rows(connection, owner) == [(False,)]
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SET ROLE hi_migrate")


@pytest.mark.parametrize("role", APPLICATION)
def test_grants_are_just_the_rules(role: str) -> None:
    query = """
        SELECT relname, relispartition, array_remove(ARRAY[
            CASE WHEN has_table_privilege(oid, 'SELECT') THEN 'SELECT' END,
            CASE WHEN has_table_privilege(oid, 'INSERT') THEN 'INSERT' END,
            CASE WHEN has_table_privilege(oid, 'UPDATE') THEN 'UPDATE' END,
            CASE WHEN has_table_privilege(oid, 'DELETE') THEN 'DELETE' END,
            CASE WHEN has_table_privilege(oid, 'TRUNCATE') THEN 'TRUNCATE' END], NULL)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    """
    with connect_as(role) as connection:
        found = rows(connection, query)
    assert len(found) > 30
    partitions = 0
    for table, is_partition, granted in found:
        expected = [] if is_partition else list(privileges(role, str(table)))
        assert (table, granted) == (table, expected)
        partitions += bool(is_partition)
    assert partitions >= 10


def test_every_tenant_table_is_under_a_policy() -> None:
    """A table with a host's rows and without row-level security is a hole, unless it is listed here."""
    outside = {"accounts_organization", "telemetry_lease"}
    with connect_as("migrate") as connection:
        tables = rows(
            connection,
            "SELECT DISTINCT c.relname, c.relrowsecurity FROM pg_class c"
            " JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attname = 'host_id'"
            " AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition",
        )
    assert {name for name, secured in tables if not secured} <= outside
    assert {"fleet_miner", "telemetry_sample", "telemetry_live", "audit_entry"} <= {
        name for name, on in tables if on
    }


@pytest.mark.parametrize("role", ["web", "worker"])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO telemetry_sample (slot_at) VALUES (now())",
        "UPDATE telemetry_live SET power_w = 0",
        "DELETE FROM telemetry_sweep",
        "SELECT * FROM telemetry_lease",
        "UPDATE audit_entry SET actor_name = 'nobody'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())",
        "CREATE TABLE public.mine (id int)",
        "ALTER TABLE fleet_miner DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON fleet_miner",
    ],
)
def test_what_web_and_worker_must_not_do_is_refused(role: str, statement: str) -> None:
    with connect_as(role) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize("role", APPLICATION)
def test_partitions_are_reached_through_their_parent_only(role: str) -> None:
    with connect_as("migrate") as owner:
        ((name,),) = rows(
            owner, "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' LIMIT 1"
        )
    with connect_as(role) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(f"TABLE {name}".encode())
        connection.rollback()
        assert rows(connection, "SELECT count(*) FROM telemetry_sample") == [(0,)]


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM accounts_user", "SELECT * FROM django_session", "SELECT * FROM audit_entry"]
)
def test_the_collector_reads_no_people(statement: str) -> None:
    with connect_as("telemetry") as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_the_first_matching_rule_wins_and_unknown_tables_are_covered() -> None:
    assert privileges("web", "telemetry_claim") == ("SELECT", "INSERT", "UPDATE", "DELETE")
    assert privileges("web", "telemetry_anything") == ("SELECT",)
    assert privileges("telemetry", "billing_invoice") == ()
    assert all(rules[-1][0] == "*" for rules in RULES.values())
