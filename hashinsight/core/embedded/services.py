"""PostgreSQL and two Valkeys of one root folder, as one thing."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from hashinsight.core.embedded.places import (
    PlaceError,
    data_home,
    server_account,
    write_private,
)
from hashinsight.core.embedded.postgres import EmbeddedPostgres
from hashinsight.core.embedded.roles import ROLES, bootstrap_roles
from hashinsight.core.embedded.valkey import EmbeddedValkey
from hashinsight.core.supervisor import StartError, Supervisor
from hashinsight.core.supervisor.engine import OnChange
from hashinsight.core.supervisor.procfs import is_alive

DATABASE = "hashinsight"
_SECRET_NAMES = ("postgres", *ROLES.values(), "queue", "cache", "HI_SECRET_KEY")
_PORT_TRIES = 4
_ENV_FILE = "env.json"


class AlreadyRunning(Exception):
    """Another launcher runs the services of this folder; the text names its process."""


class NotRunning(Exception):
    """No launcher runs the services of this folder."""


class Services:
    """The services under ``root`` (the demo: ``<checkout>/var``).

    ``durable=False``: throw-away data, fast and gone at the end. ``supervisor``: the caller's own (the demo,
    which adds its applications to it); otherwise one of its own that lives from ``start`` to ``stop``.

    Files: ``root/run/secrets.json`` and ``root/run/env.json`` (0600), ``root/run/services.lock``,
    ``root/log/*.log``, data in ``root/postgres``, ``root/queue``, ``root/cache`` or, as root below a closed
    folder, in ``/var/lib/hashinsight/<digest of root>/``.
    """

    def __init__(
        self,
        root: Path,
        durable: bool = True,
        *,
        supervisor: Supervisor | None = None,
        bin_dir: Path | None = None,
        shared_buffers: str | None = None,
        on_change: OnChange | None = None,
    ) -> None:
        self.root = root.resolve()
        self.durable = durable
        self.first_start = False
        self._bin_dir = bin_dir
        self._shared_buffers = shared_buffers or ("256MB" if durable else "64MB")
        self._own_supervisor = supervisor is None
        self.supervisor = supervisor or Supervisor(self.root / "log", on_change=on_change)
        self._lock: int | None = None
        self._env: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        self._home = self.root

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all three and make the roles. Raises AlreadyRunning, StartError, InitError, PlaceError."""
        self._take_lock()
        self._secrets = _secrets_of(self.root / "run" / "secrets.json")
        account = server_account()
        self._home = data_home(self.root, account)
        if self._home != self.root:
            self._home.mkdir(mode=0o711, parents=True, exist_ok=True)
        if self._own_supervisor:
            self.supervisor.open()
        for attempt in range(_PORT_TRIES):
            try:
                postgres, queue, cache = self._start_servers()
                break
            except StartError as error:
                # Somebody may have taken a free port before our server could.
                if "already in use" not in str(error) or attempt == _PORT_TRIES - 1:
                    raise
                self._stop_servers()
        self._make_database(postgres, queue, cache)
        write_private(self.root / "run" / _ENV_FILE, json.dumps({"pid": os.getpid(), "env": self._env}))

    def stop(self) -> None:
        """Stop what ``start`` started, with throw-away data removed; harmless when nothing runs."""
        if self._lock is None:
            return
        (self.root / "run" / _ENV_FILE).unlink(missing_ok=True)
        if self._own_supervisor:
            self.supervisor.close()
        else:
            self._stop_servers()
        if not self.durable:
            for name in ("postgres", "queue", "cache"):
                shutil.rmtree(self._home / name, ignore_errors=True)
            if self._home != self.root:
                shutil.rmtree(self._home, ignore_errors=True)
        os.close(self._lock)
        self._lock = None

    @property
    def home(self) -> Path:
        """Where the data lies: the root, or as root below a closed folder a folder of its own."""
        return self._home

    def env(self) -> dict[str, str]:
        """The variables that settings read: addresses of the database roles and Valkeys, secret key."""
        return dict(self._env)

    def _start_servers(self) -> tuple[EmbeddedPostgres, EmbeddedValkey, EmbeddedValkey]:
        postgres = EmbeddedPostgres(
            self._home / "postgres",
            superuser_password=self._secrets["postgres"],
            bin_dir=self._bin_dir,
            durable=self.durable,
            shared_buffers=self._shared_buffers,
        )
        queue = EmbeddedValkey(
            self._home / "queue",
            aof=True,
            maxmemory="512mb",
            policy="noeviction",
            password=self._secrets["queue"],
            name="queue",
        )
        cache = EmbeddedValkey(
            self._home / "cache",
            aof=False,
            maxmemory="256mb",
            policy="allkeys-lru",
            password=self._secrets["cache"],
            name="cache",
        )
        with ThreadPoolExecutor(3) as pool:
            self.first_start = any(list(pool.map(lambda server: server.prepare(), (postgres, queue, cache))))
        self.supervisor.start(postgres.spec(), queue.spec(), cache.spec())
        return postgres, queue, cache

    def _stop_servers(self) -> None:
        names = {status.name for status in self.supervisor.status()} & {"postgres", "queue", "cache"}
        self.supervisor.stop(*(name for name in ("queue", "cache", "postgres") if name in names))

    def _make_database(
        self, postgres: EmbeddedPostgres, queue: EmbeddedValkey, cache: EmbeddedValkey
    ) -> None:
        postgres.ensure_database(DATABASE)
        urls = bootstrap_roles(postgres.url(), DATABASE, self._secrets, also_template=True)
        self._env = {
            "DATABASE_URL": urls.migrate,
            "DATABASE_WEB_URL": urls.web,
            "DATABASE_WORKER_URL": urls.worker,
            "DATABASE_TELEMETRY_URL": urls.telemetry,
            "REDIS_QUEUE_URL": queue.url(),
            "REDIS_CACHE_URL": cache.url(),
            "HI_SECRET_KEY": self._secrets["HI_SECRET_KEY"],
        }

    def _take_lock(self) -> None:
        run_dir = self.root / "run"
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            lock = os.open(run_dir / "services.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PlaceError(f"cannot write below {self.root}: {error}. Is the folder yours?") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 100).decode().strip()
            os.close(lock)
            raise AlreadyRunning(
                f"the services of {self.root} run already (process {holder or 'unknown'}). "
                "Use that one, or stop it with Ctrl-C first."
            ) from error
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock


def attach(root: Path) -> dict[str, str]:
    """The variables of the services that another launcher runs for this root. Raises NotRunning."""
    path = root.resolve() / "run" / _ENV_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise NotRunning(f"{path} belongs to another user: run this as the user who started it") from error
    except (OSError, ValueError) as error:
        raise NotRunning(f"nothing runs for {root}: start it with ./hi demo") from error
    if not is_alive(int(content["pid"])):
        raise NotRunning(f"the launcher of {root} is gone: start it again with ./hi demo")
    return {str(key): str(value) for key, value in content["env"].items()}


def external_env(environ: Mapping[str, str]) -> dict[str, str] | None:
    """The variables of services run by somebody else, when all of them are given; else None.

    A partial set is an error (ValueError): mixing own and given services would hide a typing mistake.
    """
    names = (
        "DATABASE_URL",
        "DATABASE_WEB_URL",
        "DATABASE_WORKER_URL",
        "DATABASE_TELEMETRY_URL",
        "REDIS_QUEUE_URL",
        "REDIS_CACHE_URL",
    )
    given = {name: environ[name] for name in names if environ.get(name)}
    if not given:
        return None
    if missing := [name for name in names if name not in given]:
        raise ValueError(f"{', '.join(given)} given, but not {', '.join(missing)}: give all or none")
    return given


def _secrets_of(path: Path) -> dict[str, str]:
    """Passwords and keys of this root, made on first use and kept (0600): sessions outlive a restart."""
    known: dict[str, str] = {}
    with suppress(FileNotFoundError):
        known = json.loads(path.read_text(encoding="utf-8"))
    if missing := [name for name in _SECRET_NAMES if name not in known]:
        known |= {name: secrets.token_urlsafe(48 if name == "HI_SECRET_KEY" else 24) for name in missing}
        write_private(path, json.dumps(known, indent=1))
    return known
