"""PostgreSQL as a child process: made on first use, on loopback TCP only, with a password of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from hashinsight.core.embedded.binaries import find_postgres
from hashinsight.core.embedded.places import (
    private_folder,
    reachable_program,
    server_account,
    write_private,
)
from hashinsight.core.embedded.ports import LOOPBACK, free_port
from hashinsight.core.supervisor import ProcessSpec, Supervisor, Tier
from hashinsight.core.supervisor.procfs import kill_until_gone, working_in

SUPERUSER = "postgres"
_MADE = "hashinsight_made"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # No /dev/shm is needed, which is 64 MB in many containers.
    "dynamic_shared_memory_type": "mmap",
    "wal_level": "replica",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "effective_io_concurrency": "100",
    # A sweep touches a partition and its indexes per day and site; the default of 64 is for smaller schemas.
    "max_locks_per_transaction": "256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u ",
    "log_checkpoints": "off",
    "password_encryption": "scram-sha-256",
}
# For data that may be lost with the machine, never for data somebody keeps. Commits stay synchronous: what
# was committed must survive the death of the processes, or tests that kill them would test something else.
_FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "30s",
}


class InitError(Exception):
    """The data folder could not be made; the text holds what initdb said."""


class EmbeddedPostgres:
    """A PostgreSQL server under ``data_dir``.

    ``durable=False`` trades crash safety for speed (tests). ``superuser_password`` must be the one the data
    folder was made with. ``port`` None takes a free one; it stays the same for the life of this object.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        superuser_password: str | None = None,
        bin_dir: Path | None = None,
        port: int | None = None,
        durable: bool = True,
        shared_buffers: str = "256MB",
        max_connections: int = 100,
        name: str = "postgres",
    ) -> None:
        self.data_dir = data_dir
        self.password = superuser_password or secrets.token_urlsafe(24)
        self.port = port or free_port()
        self.name = name
        self.durable = durable
        self._account = server_account()
        self._settings = _SETTINGS | ({} if durable else _FAST_SETTINGS)
        self._settings |= {"shared_buffers": shared_buffers, "max_connections": str(max_connections)}
        found, self.version = find_postgres(bin_dir)
        program = reachable_program(found / "postgres", self._account, tree=found.parent)
        self.bin_dir = program.parent

    def url(self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """Connection address, by default the superuser's."""
        return f"postgresql://{user}:{password or self.password}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> bool:
        """Make the data folder if there is none; True if it was made. Raises InitError, PlaceError."""
        private_folder(self.data_dir, self._account)
        if self._has_cluster():
            self._check_version()
            return False
        password_file = self.data_dir.parent / f".{self.data_dir.name}.first-password"
        write_private(password_file, self.password, self._account)
        try:
            self._initdb(password_file)
        finally:
            password_file.unlink(missing_ok=True)
        return True

    def _has_cluster(self) -> bool:
        # Written after initdb has ended well: without it a first start was cut short.
        return (self.data_dir / _MADE).exists()

    def _check_version(self) -> None:
        made_by = (self.data_dir / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != str(self.version):
            raise InitError(
                f"{self.data_dir} was made by PostgreSQL {made_by}, "
                f"but the programs found are {self.version} ({self.bin_dir}). "
                f"Set PG_BINDIR to programs of version {made_by}, or remove the folder."
            )

    def _initdb(self, password_file: Path) -> None:
        self._empty_data_dir()
        argv: list[str | Path] = [
            self.bin_dir / "initdb",
            "-D",
            self.data_dir,
            "-U",
            SUPERUSER,
            "-A",
            "scram-sha-256",
        ]
        argv += [
            f"--pwfile={password_file}",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ]
        account = self._account
        answer = subprocess.run(
            argv,
            env=self._environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if answer.returncode != 0:
            raise InitError(
                f"initdb failed in {self.data_dir}: {answer.stderr.strip() or answer.stdout.strip()}"
            )
        write_private(self.data_dir / _MADE, f"{self.version}\n", account)

    def _empty_data_dir(self) -> None:
        for entry in self.data_dir.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    @staticmethod
    def _environment() -> dict[str, str]:
        return {"LC_ALL": "C.UTF-8", "PATH": os.defpath, "TZ": "UTC"}

    def spec(self) -> ProcessSpec:
        """How the supervisor runs it: fast shutdown on SIGINT (SIGTERM would wait for clients)."""
        argv = [str(self.bin_dir / "postgres"), "-D", str(self.data_dir), "-p", str(self.port)]
        for key, value in self._settings.items():
            argv += ["-c", f"{key}={value}"]
        return ProcessSpec(
            name=self.name,
            argv=tuple(argv),
            env=self._environment(),
            cwd=Path("/"),
            ready=self.ready,
            ready_timeout_s=60,
            tier=Tier.DATABASE,
            stop_signal=signal.SIGINT,
            grace_s=10.0,
            death_signal=signal.SIGINT,
            run_as=self._account,
            before_start=self.clear_stale,
            leftovers=self.processes,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Prepare and run it under a supervisor; returns when it is ready. Raises StartError."""
        self.prepare()
        supervisor.start(self.spec())

    def stop(self, supervisor: Supervisor) -> None:
        """Stop it; the data stay."""
        supervisor.stop(self.name)

    def ready(self) -> bool:
        """Whether a real sign-in works; an open port is not enough while it recovers."""
        try:
            with psycopg.connect(self.url(), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def processes(self) -> list[int]:
        """Live server processes of this data folder: they work inside it, whatever session they are in."""
        return working_in(self.data_dir)

    def clear_stale(self) -> None:
        """Before a start: end what an earlier life left behind, then drop its lock file.

        Backends outlive a killed postmaster for a moment and still write to shared memory, so the lock file
        may go only after the last of them. A process id in it may belong to anyone by now.
        """
        left = kill_until_gone(self.processes, 5.0)
        if left:
            raise InitError(f"processes {left} still use {self.data_dir} and cannot be ended")
        with suppress(FileNotFoundError):
            (self.data_dir / "postmaster.pid").unlink()

    def ensure_database(self, name: str) -> None:
        """Create the database if there is none of that name."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
