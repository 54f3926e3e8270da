"""Parts of the embedded services that need no server."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hashinsight.core.embedded import binaries, external_env, free_port, is_taken, places, roles_script
from hashinsight.core.embedded.roles import cluster_statements
from hashinsight.core.supervisor import RunAs

SIX = {
    "DATABASE_URL": "a",
    "DATABASE_WEB_URL": "b",
    "DATABASE_WORKER_URL": "c",
    "DATABASE_TELEMETRY_URL": "d",
    "REDIS_QUEUE_URL": "e",
    "REDIS_CACHE_URL": "f",
}
STRANGER = RunAs(54321, 54321)


def fake_postgres(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_the_folder_named_in_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fake_postgres(tmp_path / "bin", "16.4")
    monkeypatch.setenv("PG_BINDIR", str(folder))
    assert binaries.find_postgres() == (folder, 16)


def test_too_old_a_postgres_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_BINDIR", str(fake_postgres(tmp_path / "bin", "14.9")))
    with pytest.raises(binaries.MissingProgram, match=r"PostgreSQL 15 or newer.*: 14.*set PG_BINDIR"):
        binaries.find_postgres()


def test_a_folder_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(binaries.MissingProgram, match="not usable"):
        binaries.find_postgres(tmp_path)


def test_valkey_comes_from_path_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binaries.find_valkey() == program
    program.unlink()
    with pytest.raises(binaries.MissingProgram, match="no valkey-server found"):
        binaries.find_valkey()


def test_external_services_are_taken_whole_or_not_at_all() -> None:
    assert external_env({"HOME": "/"}) is None
    assert external_env(SIX | {"HOME": "/"}) == SIX
    with pytest.raises(ValueError, match=r"DATABASE_URL given, but not DATABASE_WEB_URL, .*REDIS_CACHE_URL"):
        external_env({"DATABASE_URL": "a"})


def test_a_folder_below_a_closed_one_cannot_be_reached(open_folder: Path) -> None:
    closed = open_folder / "home"
    inside = closed / "data"
    inside.mkdir(parents=True)
    closed.chmod(0o700)
    assert not places.can_reach(inside, STRANGER)
    assert places.can_reach(inside, None)
    home = places.data_home(inside, STRANGER)
    assert home.parent == places.DATA_FALLBACK
    assert home != places.data_home(closed, STRANGER)
    closed.chmod(0o711)
    assert places.can_reach(inside, STRANGER)
    assert places.data_home(inside, STRANGER) == inside


def test_programs_are_copied_whole_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PROGRAM_CACHE", tmp_path / "cache")
    program = fake_postgres(tmp_path / "tree" / "bin", "17.1") / "postgres"
    (tmp_path / "tree" / "share").mkdir()
    monkeypatch.setattr(places, "can_run", lambda path, account: path.is_relative_to(tmp_path / "cache"))
    copy = places.reachable_program(program, STRANGER, tree=tmp_path / "tree")
    assert copy.read_text() == program.read_text()
    assert (copy.parent.parent / "share").is_dir()
    assert places.reachable_program(program, STRANGER, tree=tmp_path / "tree") == copy
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [copy.parent.parent.name]


def test_private_files_are_for_their_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        places.write_private(tmp_path / "secret", "x")
        places.private_folder(tmp_path / "data", None)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_data_of_another_user_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("17")
    os.chown(folder, STRANGER.uid, STRANGER.gid)
    with pytest.raises(places.PlaceError, match="belongs to uid 54321"):
        places.private_folder(folder, None)


def test_a_bound_port_is_taken() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        assert is_taken(server.getsockname()[1])
        assert free_port() != server.getsockname()[1]


def test_the_administrators_script_holds_no_password_and_all_roles() -> None:
    script = roles_script("mining", 15)
    assert "PASSWORD '" not in script
    for role in ("hi_migrate", "hi_web", "hi_worker", "hi_telemetry"):
        assert f"CREATE ROLE {role};" in script
        assert f"\\password {role}" in script
    assert 'ALTER DATABASE "mining" OWNER TO hi_migrate;' in script


def test_older_servers_get_the_older_form_of_membership() -> None:
    assert "ALTER ROLE hi_migrate NOINHERIT" in cluster_statements("x", 15)
    assert "GRANT hi_web TO hi_migrate WITH INHERIT FALSE, SET TRUE" in cluster_statements("x", 16)
    assert 'REVOKE ALL ON DATABASE "odd""name" FROM PUBLIC' in cluster_statements('odd"name', 17)
