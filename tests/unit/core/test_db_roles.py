from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hashinsight.core.embedded import ROLES, roles_script


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("db_roles", "--sql", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_the_script_of_the_embedded_server() -> None:
    assert printed() == roles_script("hashinsight", 17)


def test_database_and_server_can_be_named() -> None:
    text = printed("--database", "mines", "--major", "15")
    assert text == roles_script("mines", 15)
    assert 'ALTER DATABASE "mines" OWNER TO hi_migrate;' in text
    assert "WITH INHERIT" not in text  # not known to PostgreSQL 15


def test_all_roles_are_made_and_no_password_is_written_down() -> None:
    text = printed()
    for role in ROLES.values():
        assert f"CREATE ROLE {role};" in text
    assert "PASSWORD '" not in text
    assert text.index("BEGIN;") < text.index("CREATE ROLE") < text.index("COMMIT;")


def test_only_telemetry_passes_the_policies() -> None:
    bypassing = [
        line for line in printed().splitlines() if " BYPASSRLS" in line and line.startswith("ALTER ROLE")
    ]
    assert [line.split()[2] for line in bypassing] == ["hi_telemetry"]


def test_an_old_server_is_refused() -> None:
    with pytest.raises(CommandError, match="15 is the lowest"):
        printed("--major", "14")


def test_without_sql_nothing_is_printed() -> None:
    with pytest.raises(CommandError, match="--sql"):
        call_command("db_roles")
