"""`python -m hosting.simulator --fleet FILE.json --control-port N`: a fleet of miners on 127.0.0.0/8."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import uvloop

from hosting.simulator.control import Control
from hosting.simulator.fleet import Fleet, build_fleet
from hosting.simulator.oracle import TRUTH_TABLE, truth_row
from hosting.simulator.profiles import PROFILES
from hosting.simulator.server import Listener, ListenError, RpcServer
from hosting.simulator.simulation import Simulation
from hosting.simulator.switches import SwitchError
from hosting.simulator.web import Login, WebServer

PR_SET_PDEATHSIG = 1
OPEN_FILES = 20_000
EXIT_USAGE, EXIT_PORT = 2, 3


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m hosting.simulator", description=__doc__)
    parser.add_argument("--fleet", type=Path, required=True, help="the fleet file; built here with --miners")
    parser.add_argument("--miners", type=int, help="build the fleet file when it does not exist")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="clean", help="for a fleet built here")
    parser.add_argument(
        "--port", type=int, default=_default(4028, 14028), help="RPC port of a fleet built here"
    )
    parser.add_argument(
        "--http-port", type=int, default=_default(80, 18080), help="web port of a fleet built here"
    )
    parser.add_argument("--control-port", type=int, default=0, help="on 127.0.0.1; 0 picks one and prints it")
    parser.add_argument("--truth-log", type=Path, help="append the true state as JSON lines")
    parser.add_argument("--truth-every", type=int, default=1, help="seconds between lines")
    parser.add_argument("--cold", action="store_true", help="start switched off instead of long running")
    parser.add_argument("--no-http", action="store_true", help="serve no web pages")
    parser.add_argument("--build-only", action="store_true", help="write the fleet file and stop")
    parser.add_argument("--http-user", default=os.environ.get("HI_SIM_HTTP_USER", "root"))
    parser.add_argument("--http-password", default=os.environ.get("HI_SIM_HTTP_PASSWORD", "root"))
    return parser.parse_args(argv)


def _default(privileged: int, moved_up: int) -> int:
    return privileged if os.geteuid() == 0 else moved_up


def load_fleet(args: argparse.Namespace) -> Fleet:
    """The fleet file, built first if asked for and absent; SystemExit with a message when there is none."""
    if args.fleet.exists():
        return Fleet.from_json(args.fleet.read_bytes())
    if args.miners is None:
        raise SystemExit(f"no fleet file {args.fleet}: give --miners to build one")
    fleet = build_fleet(args.miners, args.seed, args.port, args.http_port, profile=args.profile)
    args.fleet.write_bytes(fleet.to_json())
    return fleet


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends (Linux)."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def raise_open_files() -> None:
    """As many descriptors as the machine allows, up to 20,000."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class TruthLog:
    """Appends one JSON line of true state every few ticks."""

    def __init__(self, path: Path, every: int) -> None:
        self._file: BinaryIO = path.open("ab", buffering=1 << 20)
        self._every = max(every, 1)

    def write(self, simulation: Simulation) -> None:
        """One line for the present tick, if it is due."""
        if simulation.physics.ticks % self._every == 0:
            row = truth_row(simulation.now, simulation.view.table[:, TRUTH_TABLE])
            self._file.write(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE))
            self._file.flush()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


def open_listeners(
    loop: asyncio.AbstractEventLoop, simulation: Simulation, args: argparse.Namespace
) -> list[Listener]:
    """One listener per RPC and web port of the machines that do not refuse; ListenError when one is taken."""
    rpc = RpcServer(loop, simulation)
    web = WebServer(loop, simulation, Login(args.http_user, args.http_password))
    serving = [card for card in simulation.cards if card.switches.transport != "refused"]
    handlers: dict[int, Callable[..., None]] = {}
    if not args.no_http:
        handlers = {card.http_port: web.connect for card in serving}
    handlers |= {card.port: rpc.connect for card in serving}
    listeners: list[Listener] = []
    try:
        for port, handler in handlers.items():
            listeners.append(Listener(loop, simulation, port, handler))
    except ListenError:
        for listener in listeners:
            listener.close()
        raise

    def drop() -> None:
        addresses = simulation.dropped()
        for listener in listeners:
            listener.drop(addresses)

    simulation.on_drops = drop
    drop()
    return listeners


async def run(args: argparse.Namespace, fleet: Fleet) -> int:
    """Serve until a signal; returns the exit code."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    began = time.monotonic()
    simulation = Simulation(fleet, seed=args.seed, warm=not args.cold)
    try:
        listeners = open_listeners(loop, simulation, args)
        server = await Control(simulation).serve(args.control_port)
    except OSError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return EXIT_PORT
    log = TruthLog(args.truth_log, args.truth_every) if args.truth_log else None
    gc.collect()
    gc.freeze()  # the fleet lives as long as the process: keep it out of every collection
    ready: dict[str, Any] = {
        "ready": True,
        "miners": len(fleet.miners),
        "control_port": server.sockets[0].getsockname()[1],
        "ports": [listener.port for listener in listeners],
        "started_in_s": round(time.monotonic() - began, 3),
    }
    sys.stdout.write(orjson.dumps(ready).decode() + "\n")
    sys.stdout.flush()
    ticker = asyncio.create_task(_tick(simulation, log))
    await stop.wait()
    ticker.cancel()
    for listener in listeners:
        listener.close()
    if log:
        log.close()
    return 0


async def _tick(simulation: Simulation, log: TruthLog | None) -> None:
    while True:
        await asyncio.sleep(max(0.0, simulation.now + 1 - time.time()))
        simulation.tick(time.time())
        if log:
            log.write(simulation)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; 0 after a signal, 2 for a bad fleet file, 3 when a port cannot be served."""
    args = arguments(argv)
    die_with_parent()
    raise_open_files()
    try:
        fleet = load_fleet(args)
        if args.build_only:
            return 0
        return uvloop.run(run(args, fleet))
    except (ValueError, KeyError, SwitchError) as error:
        sys.stderr.write(f"simulator: the fleet file is not usable: {error}\n")
        return EXIT_USAGE


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # at once: no waiting for open connections
