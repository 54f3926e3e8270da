"""Embedded PostgreSQL and Valkey with real servers: roles, restarts, kill -9, two launchers, other users."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from hashinsight.core.embedded import (
    AlreadyRunning,
    InitError,
    NotRunning,
    Services,
    attach,
    binaries,
    bootstrap_roles,
    free_port,
)
from hashinsight.core.embedded.places import data_home, server_account
from hashinsight.core.supervisor.procfs import is_alive, working_in
from tests.integration.core.test_supervisor import REPOSITORY, until

pytestmark = pytest.mark.fault


def bin_dirs() -> list[Path]:
    """One folder for each major version on this machine."""
    found: dict[int, Path] = {}
    for folder in binaries.postgres_candidates():
        version = binaries.postgres_version(folder)
        if version is not None and version >= binaries.LOWEST_POSTGRES:
            found.setdefault(version, folder)
    return list(found.values())


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder with a space in its path that any user may enter; nothing of it remains."""
    top = Path(tempfile.mkdtemp(prefix="hi-embedded-"))
    top.chmod(0o755)
    folder = top / "with space"
    folder.mkdir()
    yield folder
    assert working_in(folder / "postgres") == []
    shutil.rmtree(top)


@pytest.fixture(scope="module", params=bin_dirs(), ids=lambda folder: str(binaries.postgres_version(folder)))
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    """Running throw-away services, once for each version of PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="hi-embedded-"))
    folder.chmod(0o755)
    with Services(folder, durable=False, bin_dir=request.param) as running:
        yield running
    assert not (folder / "postgres").exists()
    shutil.rmtree(folder)


def connect(services: Services, role: str) -> psycopg.Connection[tuple[object, ...]]:
    names = {"migrate": "DATABASE_URL"}
    name = names.get(role, f"DATABASE_{role.upper()}_URL")
    return psycopg.connect(services.env()[name], autocommit=True)


def superuser_url(services: Services) -> str:
    host = services.env()["DATABASE_URL"].rpartition("@")[2].partition("/")[0]
    return f"postgresql://postgres:{services._secrets['postgres']}@{host}/postgres"


def one(connection: psycopg.Connection[tuple[object, ...]], query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_roles_are_what_they_should_be(services: Services) -> None:
    with connect(services, "migrate") as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles"
            " WHERE rolname LIKE 'hi\\_%' ORDER BY rolname"
        ).fetchall()
        assert one(
            connection, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'hashinsight'"
        ) == ("hi_migrate")
    assert rows == [
        ("hi_migrate", False, True, False, False),
        ("hi_telemetry", False, False, False, True),
        ("hi_web", False, False, False, False),
        ("hi_worker", False, False, False, False),
    ]


def test_tables_of_the_owner_are_usable_by_the_others_under_row_level_security(services: Services) -> None:
    with connect(services, "migrate") as owner:
        owner.execute("CREATE TABLE note (id bigserial PRIMARY KEY, host bigint)")
        owner.execute("ALTER TABLE note ENABLE ROW LEVEL SECURITY")
        owner.execute("CREATE POLICY mine ON note USING (host = 1)")
        owner.execute("INSERT INTO note (host) VALUES (1), (2)")
    for role, seen in (("web", 1), ("worker", 1), ("telemetry", 2)):
        with connect(services, role) as connection:
            assert one(connection, "SELECT count(*) FROM note") == seen
            connection.execute("INSERT INTO note (host) VALUES (1)")
            connection.execute("DELETE FROM note WHERE id > 2")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE other (id int)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DROP TABLE note")
    with connect(services, "migrate") as owner:
        owner.execute("DROP TABLE note")


def test_the_owner_takes_on_another_role_only_when_it_says_so(services: Services) -> None:
    with connect(services, "migrate") as owner:
        owner.execute("CREATE TABLE secret (id int)")
        owner.execute("REVOKE ALL ON secret FROM hi_web")
        owner.execute("SET ROLE hi_web")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("SELECT * FROM secret")
        owner.execute("RESET ROLE")
        owner.execute("DROP TABLE secret")
        assert one(owner, "SELECT pg_has_role('hi_migrate', 'hi_telemetry', 'USAGE')") is False


def test_a_test_database_made_by_the_owner_gives_the_same_rights(services: Services) -> None:
    with connect(services, "migrate") as owner:
        owner.execute("CREATE DATABASE test_rights")
    url = services.env()["DATABASE_URL"].removesuffix("/hashinsight") + "/test_rights"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("CREATE EXTENSION btree_gist")
        owner.execute("CREATE TABLE note (id int)")
        owner.execute("SET ROLE hi_worker")
        assert one(owner, "SELECT count(*) FROM note") == 0
    with connect(services, "migrate") as owner:
        owner.execute("DROP DATABASE test_rights")


def test_bootstrap_can_be_run_again(services: Services) -> None:
    urls = bootstrap_roles(superuser_url(services), "hashinsight", services._secrets)
    assert urls.migrate == services.env()["DATABASE_URL"]
    with psycopg.connect(urls.telemetry) as connection:
        assert one(connection, "SELECT current_user") == "hi_telemetry"


def test_servers_listen_on_loopback_with_passwords_that_only_the_owner_can_read(services: Services) -> None:
    env = services.env()
    bad = env["DATABASE_WEB_URL"].replace("postgresql://hi_web:", "postgresql://hi_web:x")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(bad)
    port = int(env["REDIS_QUEUE_URL"].rpartition(":")[2].partition("/")[0])
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(host="127.0.0.1", port=port).ping()
    with psycopg.connect(superuser_url(services)) as connection:
        assert one(connection, "SELECT inet_server_addr()::text") == "127.0.0.1/32"
        assert one(connection, "SHOW listen_addresses") == "127.0.0.1"
        assert one(connection, "SHOW unix_socket_directories") == ""
    for name in ("secrets.json", "env.json"):
        assert stat.S_IMODE((services.root / "run" / name).stat().st_mode) == 0o600
    for status in services.supervisor.status():
        command = Path(f"/proc/{status.pid}/cmdline").read_bytes().decode()
        assert not any(secret in command for secret in services._secrets.values())


def test_the_two_valkeys_keep_and_evict_as_they_should(services: Services) -> None:
    queue = redis.Redis.from_url(services.env()["REDIS_QUEUE_URL"])
    cache = redis.Redis.from_url(services.env()["REDIS_CACHE_URL"])
    assert queue.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert cache.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
    queue.close()
    cache.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user's servers run as himself")
def test_roots_servers_do_not_run_as_root(services: Services) -> None:
    for status in services.supervisor.status():
        assert os.stat(f"/proc/{status.pid}").st_uid != 0


def test_postgres_killed_is_back_on_its_port_with_all_that_was_committed(root: Path) -> None:
    with Services(root, durable=True, shared_buffers="16MB") as services:
        with connect(services, "migrate") as connection:
            connection.execute("CREATE TABLE kept (id int)")
            connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
            # A backend in the middle of something when its postmaster is gone.
            busy = connect(services, "web")
            busy.execute("BEGIN")
            busy.execute("SELECT count(*) FROM kept")
            pid = services.supervisor.pid("postgres")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            begun = time.monotonic()
        busy.close()

        def answers() -> bool:
            try:
                with connect(services, "migrate") as again:
                    return one(again, "SELECT count(*) FROM kept") == 1000
            except psycopg.OperationalError:
                return False

        until(answers)
        assert time.monotonic() - begun < 5.0


def test_a_killed_backend_brings_postgres_back_by_itself(root: Path) -> None:
    with Services(root, durable=False) as services:
        with connect(services, "web") as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        until(lambda: _answers(services))
        assert [status.restarts for status in services.supervisor.status()] == [0, 0, 0]


def _answers(services: Services) -> bool:
    try:
        with connect(services, "web"):
            return True
    except psycopg.OperationalError:
        return False


def test_the_queue_survives_kill_and_restart(root: Path) -> None:
    with Services(root, durable=True, shared_buffers="16MB") as services:
        client = redis.Redis.from_url(services.env()["REDIS_QUEUE_URL"])
        client.rpush("jobs", *range(100))
        pid = services.supervisor.pid("queue")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: services.supervisor.pid("queue") not in {None, pid})

        def length() -> int:
            try:
                return int(client.llen("jobs"))
            except redis.RedisError:
                return -1

        assert until(lambda: length() == 100) < 5.0
        client.close()
    with Services(root, durable=True, shared_buffers="16MB") as services:
        assert not services.first_start
        client = redis.Redis.from_url(services.env()["REDIS_QUEUE_URL"])
        assert client.llen("jobs") == 100
        client.close()


def test_a_second_launcher_is_told_and_can_attach(root: Path) -> None:
    with pytest.raises(NotRunning, match=r"start it with \./hi demo"):
        attach(root)
    with Services(root, durable=False) as services:
        second = Services(root, durable=False)
        with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}"):
            second.start()
        assert attach(root) == services.env()
    with pytest.raises(NotRunning):
        attach(root)


def test_a_folder_of_another_version_is_refused_with_the_remedy(root: Path) -> None:
    with Services(root, durable=True, shared_buffers="16MB"):
        pass
    version = data_home(root, server_account()) / "postgres" / "PG_VERSION"
    version.write_text("9.6\n")
    with pytest.raises(InitError, match=r"made by PostgreSQL 9\.6.*Set PG_BINDIR.*or remove"):
        Services(root, durable=True, shared_buffers="16MB").__enter__()


def test_a_first_start_that_was_cut_short_is_begun_anew(root: Path) -> None:
    folder = data_home(root, server_account()) / "postgres"
    with Services(root, durable=True, shared_buffers="16MB"):
        pass
    (folder / "hashinsight_made").unlink()
    shutil.rmtree(folder / "base")
    with Services(root, durable=True, shared_buffers="16MB") as services:
        assert services.first_start


def test_a_port_lost_to_another_program_is_replaced(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as thief:
        taken = [thief.getsockname()[1]]
        monkeypatch.setattr(
            "hashinsight.core.embedded.postgres.free_port", lambda: taken.pop() if taken else free_port()
        )
        with Services(root, durable=False) as services:
            assert f":{thief.getsockname()[1]}/" not in services.env()["DATABASE_URL"]
        assert not taken


LAUNCHER = """
import sys, time
from pathlib import Path
from hashinsight.core.embedded import Services
with Services(Path(sys.argv[1]), durable=True, shared_buffers="16MB") as services:
    pids = [status.pid for status in services.supervisor.status()]
    print(*pids, services.supervisor._guardian.pid, flush=True)
    time.sleep(600)
"""


def start_launcher(root: Path, **options: object) -> tuple[subprocess.Popen[str], list[int]]:
    process: subprocess.Popen[str] = subprocess.Popen(
        [str(options.pop("python", sys.executable)), "-c", LAUNCHER, str(root)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def test_a_killed_launcher_leaves_nothing_and_the_next_start_finds_its_data(root: Path) -> None:
    process, pids = start_launcher(root)
    assert len(pids) == 4
    with psycopg.connect(attach(root)["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        process.kill()
        process.wait()
        until(lambda: not any(is_alive(pid) for pid in pids), 6.0)
    assert working_in(data_home(root, server_account()) / "postgres") == []
    with pytest.raises(NotRunning, match="is gone"):
        attach(root)
    with (
        Services(root, durable=True, shared_buffers="16MB") as services,
        connect(services, "web") as connection,
    ):
        assert one(connection, "SELECT count(*) FROM kept") == 0


def plain_user_python() -> Path | None:
    """A Python 3.11 that the user nobody can run."""
    for candidate in (sys.executable, "/usr/bin/python3.11", "/usr/local/bin/python3.11"):
        program = Path(candidate).resolve()
        if program.exists():
            answer = subprocess.run(
                ["test", "-x", str(program)], user=65534, group=65534, extra_groups=[], check=False
            )
            if answer.returncode == 0:
                return program
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user; the other tests run as one")
def test_a_plain_user_runs_everything_as_himself(root: Path) -> None:
    python = plain_user_python()
    libraries = Path(psycopg.__file__).parent.parent
    nobody = pwd.getpwnam("nobody")
    reachable = ["test", "-r", str(libraries / "psycopg" / "__init__.py"), "-a", "-r", str(REPOSITORY / "hi")]
    seen = subprocess.run(reachable, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], check=False)
    if python is None or seen.returncode != 0:
        pytest.skip("no Python 3.11 and checkout that another user can reach")
    os.chown(root, nobody.pw_uid, nobody.pw_gid)
    process, pids = start_launcher(
        root,
        python=python,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env={"PYTHONPATH": f"{libraries}:{REPOSITORY}", "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        assert len(pids) == 4
        assert (root / "postgres" / "PG_VERSION").exists()
        content = json.loads((root / "run" / "env.json").read_text())
        with psycopg.connect(content["env"]["DATABASE_WEB_URL"]) as connection:
            assert one(connection, "SELECT current_user") == "hi_web"
    finally:
        process.kill()
        process.wait()
    until(lambda: not any(is_alive(pid) for pid in pids), 6.0)
