"""The test rig: a simulated fleet in a process of its own, the same fleet in the inventory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
from django.db import connections

from hashinsight.core.bench import ROOT
from hashinsight.core.embedded import free_port
from hashinsight.overview.demo.plan import RPC_PORT, WEB_PORT, choose_port
from hashinsight.overview.demo.seed import seed
from hosting.fleet.models import Miner, Site
from hosting.simulator.fleet import Fleet, build_fleet

LOGIN = "operator"


@dataclass(slots=True)
class Rig:
    """A running simulator with its fleet; ``miner_ids`` maps the fleet's index to the inventory's id."""

    fleet: Fleet
    site: Site
    folder: Path
    control: str
    miner_ids: list[int]

    def get(self, path: str) -> Any:
        """What the simulator says at ``path`` of its control port."""
        with urllib.request.urlopen(self.control + path, timeout=60) as answer:  # noqa: S310 - loopback
            return orjson.loads(answer.read())


@contextmanager
def rig(*, miners: int, profile: str, seed_number: int, folder: Path, password: str) -> Iterator[Rig]:
    """Build the fleet (one site), import it, start the simulator; everything ends with the block.

    ``password``: the login of the simulated miners' web pages, which the collector has too.
    """
    fleet = build_fleet(
        miners, seed_number, choose_port(RPC_PORT), choose_port(WEB_PORT), sites=1, profile=profile
    )
    seed(fleet, password)
    file = folder / "fleet.json"
    file.write_bytes(fleet.to_json())
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "hosting.simulator", "--fleet", str(file), "--control-port", str(port)],
        env={**os.environ, "HI_SIM_HTTP_USER": LOGIN, "HI_SIM_HTTP_PASSWORD": password},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        made = Rig(fleet, Site.objects.get(), folder, f"http://127.0.0.1:{port}", _ids(fleet))
        _await(made, process)
        yield made
    finally:
        process.terminate()
        process.wait(10)


def _ids(fleet: Fleet) -> list[int]:
    by_mac = dict(Miner.objects.values_list("mac", "id"))
    return [by_mac[miner.mac] for miner in fleet.miners]


def _await(made: Rig, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            made.get("/health")
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the simulator did not start") from None
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the simulator did not answer in 30 s")


def forget_everything() -> None:
    """Empty what the collector remembers in the database, so that a sweep starts from nothing."""
    with connections["telemetry"].cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_live")


def rows(statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """The rows of a query on the telemetry connection."""
    with connections["telemetry"].cursor() as cursor:
        cursor.execute(statement, values)
        return cast("list[tuple[Any, ...]]", cursor.fetchall())
