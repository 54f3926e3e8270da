"""The four database roles, in one place for the embedded server and for an administrator.

``hi_migrate`` owns the database and everything in it; ``hi_web`` and ``hi_worker`` live under row-level
security; ``hi_telemetry`` bypasses it (COPY is refused under it). None is a superuser. All statements can be
run again at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from psycopg import conninfo, sql

OWNER = "hi_migrate"
MEMBERS = ("hi_web", "hi_worker", "hi_telemetry")
ROLES: dict[str, str] = {
    "migrate": "hi_migrate",
    "web": "hi_web",
    "worker": "hi_worker",
    "telemetry": "hi_telemetry",
}
_LOCK_KEY = 0x48495F524F4C45  # an advisory lock of this function's own

_ATTRIBUTES = {
    "hi_migrate": "LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
    "hi_web": "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
    "hi_worker": "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
    "hi_telemetry": "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS",
}


@dataclass(frozen=True, slots=True)
class RoleUrls:
    """Connection addresses of the four roles."""

    migrate: str
    web: str
    worker: str
    telemetry: str


def cluster_statements(database: str, major: int) -> list[str]:
    """Statements to run once per server, as superuser: roles without passwords, and the database's rights."""
    statements = []
    for role, attributes in _ATTRIBUTES.items():
        statements.append(
            f"DO $$ BEGIN CREATE ROLE {role}; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        statements.append(f"ALTER ROLE {role} {attributes}")
    # The owner may take on the others' roles (tests do), but has none of their rights before it does.
    if major >= 16:
        statements += [f"GRANT {role} TO {OWNER} WITH INHERIT FALSE, SET TRUE" for role in MEMBERS]
    else:
        statements.append(f"ALTER ROLE {OWNER} NOINHERIT")
        statements += [f"GRANT {role} TO {OWNER}" for role in MEMBERS]
    name = _identifier(database)
    members = ", ".join(MEMBERS)
    statements += [
        f"ALTER DATABASE {name} OWNER TO {OWNER}",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {members}",
    ]
    return statements


def schema_statements() -> list[str]:
    """Statements to run inside the database, as superuser: who may do what with what the owner will make."""
    members = ", ".join(MEMBERS)
    default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER}"
    return [
        f"ALTER SCHEMA public OWNER TO {OWNER}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {members}",
        f"{default} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {members}",
        f"{default} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {members}",
        f"{default} IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO {members}",
        # Functions are open to everyone by default, and a default can only be taken back for all schemas.
        f"{default} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    ]


def roles_script(database: str, major: int = 17) -> str:
    """The same as a psql script for an administrator; passwords are asked for, never written down."""
    lines = [
        "-- Roles of HashInsight. Run as superuser, once per server and again after an upgrade:",
        f"--   createdb {database}; psql -d {database} -f THIS_FILE",
        "-- Then give each role a password (psql asks and sends only its SCRAM verifier):",
        *(f"--   \\password {role}" for role in _ATTRIBUTES),
        "\\set ON_ERROR_STOP on",
        "BEGIN;",
        *(f"{statement};" for statement in [*cluster_statements(database, major), *schema_statements()]),
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def bootstrap_roles(
    superuser_dsn: str,
    database: str,
    passwords: Mapping[str, str],
    *,
    also_template: bool = False,
) -> RoleUrls:
    """Make or mend the four roles and their rights on an existing database; returns their addresses.

    ``superuser_dsn``: any database of the server, as superuser. ``passwords``: by role name (``hi_web`` ...),
    all four. ``also_template``: give databases made later from template1 (test databases) the same rights
    inside. Raises KeyError for a missing password and psycopg.Error.
    """
    chosen = {role: passwords[role] for role in _ATTRIBUTES}
    with psycopg.connect(superuser_dsn) as connection:
        # Held to the end of the transaction: two launchers at once must not alter the same rows.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
        _run(connection, cluster_statements(database, connection.info.server_version // 10_000))
        for role, password in chosen.items():
            verifier = connection.pgconn.encrypt_password(
                password.encode(), role.encode(), b"scram-sha-256"
            ).decode()
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
            )
    for name in [database, "template1"] if also_template else [database]:
        with psycopg.connect(conninfo.make_conninfo(superuser_dsn, dbname=name)) as connection:
            _run(connection, schema_statements())
    return RoleUrls(**{key: _url(superuser_dsn, database, role, chosen[role]) for key, role in ROLES.items()})


def _run(connection: psycopg.Connection[tuple[object, ...]], statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement.encode())


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _url(superuser_dsn: str, database: str, role: str, password: str) -> str:
    parts = conninfo.conninfo_to_dict(superuser_dsn)
    host, port = parts.get("host") or "127.0.0.1", parts.get("port") or 5432
    return f"postgresql://{role}:{quote(password, safe='')}@{host}:{port}/{quote(database, safe='')}"
