"""What the demo runs with: folders, ports, made-up secrets. Kept in ``var`` between starts."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from hashinsight.core.embedded import free_port
from hosting.simulator.fleet import Fleet, build_fleet

SEED: Final = 20090103
RPC_PORT: Final = 4028
WEB_PORT: Final = 80
MOVED_UP: Final = 14000
PRIVILEGED: Final = 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """What one start keeps for the next (readable by the owner only)."""

    miners: int
    password: str
    miner_login: str
    miner_password: str


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """One start of the demo."""

    var: Path
    port: int
    rpc_port: int
    web_port: int
    control_port: int
    kept: Kept

    @property
    def fleet_file(self) -> Path:
        """The simulator's fleet, also what the inventory is made from."""
        return self.var / "demo" / "fleet.json"

    def fleet(self) -> Fleet:
        """The fleet for this start's ports; the same machines at every start."""
        return build_fleet(self.kept.miners, SEED, self.rpc_port, self.web_port, profile="demo")


class DemoError(Exception):
    """The demo cannot start; the text says why and what to do."""


def make_plan(var: Path, *, miners: int, port: int) -> DemoPlan:
    """Look at what is kept and which ports are free. Raises DemoError with the remedy."""
    if not 1 <= miners <= 60_000:
        raise DemoError(f"--miners {miners}: choose 1 to 60000.")
    if not can_listen(port):
        raise DemoError(
            f"Port {port} is taken. Stop what uses it, or choose another: ./hi demo --port {port + 1}"
        )
    kept = _kept(var / "demo" / "kept.json", miners)
    if kept.miners != miners:
        raise DemoError(
            f"The demo in {var} has {kept.miners} miners, not {miners}. "
            f"Start it with --miners {kept.miners}, or make it anew: ./hi demo --fresh --miners {miners}"
        )
    rpc_port = choose_port(RPC_PORT)
    return DemoPlan(
        var=var,
        port=port,
        rpc_port=rpc_port,
        web_port=choose_port(WEB_PORT),
        control_port=free_port(),
        kept=kept,
    )


def choose_port(wanted: int) -> int:
    """``wanted``, or, where it is taken or needs root, one further up that is free on every address."""
    candidates: list[int] = [
        wanted,
        *range(MOVED_UP + wanted % 10_000, MOVED_UP + wanted % 10_000 + 2000, 20),
    ]
    for port in candidates:
        # A miner that refuses connections lives one port further up: that one must be free as well.
        if (
            (port >= PRIVILEGED or os.geteuid() == 0)
            and can_listen(port, "0.0.0.0")  # noqa: S104
            and can_listen(port + 1, "0.0.0.0")  # noqa: S104
        ):
            return port
    raise DemoError(f"No free port found for the miners near {wanted}.")


def can_listen(port: int, address: str = "127.0.0.1") -> bool:
    """Whether this user could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _kept(path: Path, miners: int) -> Kept:
    if path.exists():
        return Kept(**orjson.loads(path.read_bytes()))
    kept = Kept(
        miners=miners,
        password="-".join(secrets.token_hex(2) for _ in range(4)),
        miner_login="operator",
        miner_password=secrets.token_urlsafe(12),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(asdict(kept)))
    return kept
