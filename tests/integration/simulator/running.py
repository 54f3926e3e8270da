"""A simulator process for tests, on ports of its own, and raw sockets to talk to it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosting.simulator.fleet import Fleet, SimMiner, build_fleet

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 5.0


def free_port() -> int:
    """A port that nobody listens on just now, on any address, nor on the one after it."""
    with socket.socket() as first:
        first.bind(("0.0.0.0", 0))
        port: int = first.getsockname()[1]
    return port


def fleet_of(rows: list[tuple[str, dict[str, Any]]], port: int, http_port: int) -> Fleet:
    """A fleet with one miner per (model slug, behaviour)."""
    source = build_fleet(4000, 3, port, http_port)
    unused = list(source.miners)
    miners = []
    for index, (slug, behaviour) in enumerate(rows):
        miner = next(m for m in unused if m.model == slug)
        unused.remove(miner)
        values = {key: getattr(miner, key) for key in SimMiner.__dataclass_fields__}
        miners.append(SimMiner(**values | {"index": index, "behaviour": behaviour}))
    return Fleet(3, source.sites, source.customers, tuple(miners))


@dataclass
class Running:
    """A simulator that runs, and its fleet."""

    fleet: Fleet
    process: subprocess.Popen[str]
    control: int
    ready: dict[str, Any]

    def get(self, path: str) -> Any:
        """An answer of the control port."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control}{path}", timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def switch(self, miners: list[int], **changes: Any) -> Any:
        """Change switches."""
        return self.post({"miners": miners, "set": changes})[1]

    def post(self, body: Any) -> tuple[int, Any]:
        """POST /switch: status and answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.control}/switch", data)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def where(self, index: int) -> tuple[str, int]:
        """A miner's address and RPC port."""
        miner = self.fleet.miners[index]
        return miner.address, miner.port

    def ask(self, index: int, command: str) -> bytes:
        """All bytes of the reply to one command."""
        return exchange(self.where(index), json.dumps({"command": command}).encode())

    def json(self, index: int, command: str) -> Any:
        """A reply read as JSON."""
        return json.loads(self.ask(index, command).rstrip(b"\0"))


def exchange(where: tuple[str, int], request: bytes, timeout: float = TIMEOUT_S) -> bytes:
    """Connect, send once, read to the end."""
    with socket.create_connection(where, timeout=timeout) as sock:
        sock.sendall(request)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    """Everything until the peer closes."""
    parts = []
    while part := sock.recv(65_536):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def running(fleet: Fleet, folder: Path, *extra: str) -> Iterator[Running]:
    """Start a simulator for `fleet`, wait until it is ready, and end it."""
    path = folder / "fleet.json"
    path.write_bytes(fleet.to_json())
    process = start("--fleet", str(path), "--control-port", "0", *extra)
    try:
        ready = wait_ready(process)
        yield Running(fleet, process, ready["control_port"], ready)
    finally:
        stop(process)


def start(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """The process, with a command `before` it that runs it."""
    return subprocess.Popen(
        [*before, sys.executable, "-m", "hosting.simulator", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"HI_SIM_HTTP_USER": "tech", "HI_SIM_HTTP_PASSWORD": "s3cret"},
    )


def wait_ready(process: subprocess.Popen[str], timeout: float = 60.0) -> dict[str, Any]:
    """The ready line; AssertionError with what the process said when it ends instead."""
    assert process.stdout is not None
    assert process.stderr is not None
    readable, _, _ = select.select([process.stdout], [], [], timeout)
    line = process.stdout.readline() if readable else ""
    if not line:
        process.kill()
        raise AssertionError(f"the simulator did not start: {process.stderr.read()}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def stop(process: subprocess.Popen[str]) -> None:
    """End it and close its pipes."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
    if process.poll() is None:
        process.kill()
        process.wait(5)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def wait_until(condition: Any, timeout: float = 5.0) -> None:
    """Poll a condition; AssertionError when it does not come true."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


RST_ON_CLOSE = struct.pack("ii", 1, 0)
