"""Runs in a network namespace of its own: a simulator on the standard ports, read by outside clients.

`python outside_clients.py pyasic|pyasic_rs` prints one JSON line per machine: what the client says of it and
the truth at that moment. Not a test module: the tests start it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.request
import warnings
from pathlib import Path
from typing import Any

SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x41
CONTROL = "http://127.0.0.1:19999"
MODELS = (
    "antminer-s19", "antminer-s19-pro", "antminer-s19j-pro", "antminer-s19k-pro", "antminer-s19-xp",
    "antminer-s21", "whatsminer-m30spp", "whatsminer-m50s", "whatsminer-m60", "avalon-a1246", "avalon-a1566",
)  # fmt: skip


def lo_up() -> None:
    """A new network namespace has its loopback device down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP_RUNNING))


def get(path: str) -> Any:
    """One JSON answer of the control port."""
    with urllib.request.urlopen(CONTROL + path, timeout=5) as answer:
        return json.load(answer)


def one_of_each(folder: Path) -> tuple[Path, list[Any]]:
    """A fleet file with one machine of each model, all of which accept joined commands."""
    from hosting.simulator.fleet import Fleet, build_fleet

    fleet = build_fleet(4000, 3)
    chosen = [next(m for m in fleet.miners if m.model == slug) for slug in MODELS]
    miners = tuple(
        type(m)(**{k: getattr(m, k) for k in m.__dataclass_fields__} | {"index": i, "behaviour": {}})
        for i, m in enumerate(chosen)
    )
    path = folder / "fleet.json"
    path.write_bytes(Fleet(3, fleet.sites, fleet.customers, miners).to_json())
    return path, list(miners)


async def by_pyasic(address: str) -> dict[str, Any]:
    """What pyasic reads."""
    import pyasic

    miner = await pyasic.get_miner(address)
    if miner is None:
        return {}
    data = await miner.get_data()
    boards = [b for b in data.hashboards if b.hashrate]
    return {
        "make": data.make,
        "model": data.model,
        "ths": float(data.hashrate) if data.hashrate else None,
        "watts": data.wattage,
        "mac": data.mac,
        "fans": [fan.speed for fan in data.fans],
        "boards": len(boards),
        "uptime": data.uptime,
        "pool_user": str(data.config.pools.groups[0].pools[0].user) if data.config.pools.groups else None,
    }


async def by_pyasic_rs(address: str) -> dict[str, Any]:
    """What pyasic-rs reads."""
    from pyasic_rs import MinerFactory
    from pyasic_rs.asic_rs import HashRateUnit

    miner = await MinerFactory().get_miner(address)
    if miner is None:
        return {}
    data = await miner.get_data()
    rate = data.hashrate
    users = [pool.user for group in data.pools for pool in group.pools]
    return {
        "make": str(data.device_info.make),
        "model": str(data.device_info.model),
        "ths": float(rate.into_unit(HashRateUnit.TH).value) if rate is not None else None,
        "watts": data.wattage,
        "mac": str(data.mac),
        "fans": [fan.rpm for fan in data.fans],
        "boards": sum(1 for board in data.hashboards if board.hashrate),
        "uptime": data.uptime.total_seconds() if data.uptime else None,
        "pool_user": users[0] if users else None,
    }


async def main(client: str) -> None:
    """Read every machine with one client and print its answers beside the truth."""
    read = {"pyasic": by_pyasic, "pyasic_rs": by_pyasic_rs}[client]
    with tempfile.TemporaryDirectory() as folder:
        path, miners = one_of_each(Path(folder))
        command = [sys.executable, "-m", "hosting.simulator", "--fleet", str(path), "--control-port", "19999"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            for miner in miners:
                answer = await read(miner.address)
                truth = get(f"/truth?miners={miner.index}")[0]
                figures = {key: values[0] for key, values in truth.items() if isinstance(values, list)}
                say = {"model": miner.model, "mac": miner.mac, "worker": miner.worker}
                sys.stdout.write(json.dumps(say | {"answer": answer, "truth": figures}) + "\n")
            sys.stdout.write(json.dumps({"counters": get("/counters")}) + "\n")
        finally:
            process.terminate()
            process.wait(5)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    lo_up()
    asyncio.run(main(sys.argv[1]))
