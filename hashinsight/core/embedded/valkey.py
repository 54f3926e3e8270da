"""Valkey (or Redis) as a child process on loopback, with a password of its own."""

from __future__ import annotations

import secrets
import signal
from pathlib import Path

import redis

from hashinsight.core.embedded.binaries import find_valkey
from hashinsight.core.embedded.places import (
    private_folder,
    reachable_program,
    server_account,
    write_private,
)
from hashinsight.core.embedded.ports import LOOPBACK, free_port
from hashinsight.core.supervisor import ProcessSpec, Supervisor, Tier


class EmbeddedValkey:
    """A Valkey server that keeps its files in ``folder``.

    ``aof``: write every change to disk, at most a second late (the queue). ``maxmemory`` in Valkey's words
    ("128mb"), ``policy`` what happens beyond it ("noeviction", "allkeys-lru").
    """

    def __init__(
        self,
        folder: Path,
        *,
        aof: bool,
        maxmemory: str,
        policy: str,
        password: str | None = None,
        port: int | None = None,
        name: str = "valkey",
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.password = password or secrets.token_urlsafe(24)
        self.name = name
        self._aof = aof
        self._maxmemory = maxmemory
        self._policy = policy
        self._account = server_account()
        self.program = reachable_program(find_valkey(), self._account)

    def url(self, database: int = 0) -> str:
        """Connection address."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the folder and write the configuration file. Raises PlaceError."""
        private_folder(self.folder, self._account)
        write_private(self._config_path, self._config(), self._account)

    @property
    def _config_path(self) -> Path:
        return self.folder / "valkey.conf"

    def _config(self) -> str:
        # In a file, not in arguments: those can be read by anyone on the machine.
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            "protected-mode yes",
            "daemonize no",
            f"dir {_quoted(str(self.folder))}",
            f"requirepass {self.password}",
            f"maxmemory {self._maxmemory}",
            f"maxmemory-policy {self._policy}",
            'save ""',
            f"appendonly {'yes' if self._aof else 'no'}",
            "appendfsync everysec",
            # Killed in the middle of a write: the cut last command is dropped, the rest is loaded.
            "aof-load-truncated yes",
            "tcp-keepalive 60",
            "loglevel notice",
        ]
        return "\n".join(lines) + "\n"

    def spec(self) -> ProcessSpec:
        """How the supervisor runs it."""
        return ProcessSpec(
            name=self.name,
            argv=(str(self.program), str(self._config_path)),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            cwd=Path("/"),
            ready=self.ready,
            ready_timeout_s=30,
            tier=Tier.BROKER,
            stop_signal=signal.SIGTERM,
            grace_s=1.0,
            death_signal=signal.SIGTERM,
            run_as=self._account,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Prepare and run it under a supervisor; returns when it is ready. Raises StartError."""
        self.prepare()
        supervisor.start(self.spec())

    def stop(self, supervisor: Supervisor) -> None:
        """Stop it; the data stay."""
        supervisor.stop(self.name)

    def ready(self) -> bool:
        """Whether it answers a signed-in PING (not while it loads its file)."""
        client = redis.Redis.from_url(self.url(), socket_connect_timeout=1, socket_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
