"""pyasic and pyasic-rs, which know nothing of us, identify the machines and read them right.

They expect the standard ports, so simulator and client run in a network namespace of their own.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.simulator.running import ROOT

SCRIPT = Path(__file__).with_name("outside_clients.py")
MODELS = {
    "pyasic": {
        "antminer-s19": "S19", "antminer-s19-pro": "S19 Pro", "antminer-s19j-pro": "S19j Pro",
        "antminer-s19k-pro": "S19K Pro", "antminer-s19-xp": "S19 XP", "antminer-s21": "S21",
        "whatsminer-m30spp": "M30S++ VH60", "whatsminer-m50s": "M50S VH50", "whatsminer-m60": "M60 VK20",
        "avalon-a1246": "Avalon 1246", "avalon-a1566": "Avalon 1566",
    },
    "pyasic_rs": {
        "antminer-s19": "S19", "antminer-s19-pro": "S19Pro", "antminer-s19j-pro": "S19jPro",
        "antminer-s19k-pro": "S19KPro", "antminer-s19-xp": "S19XP", "antminer-s21": "S21",
        "whatsminer-m30spp": "M30SPlusPlusVH60", "whatsminer-m50s": "M50SVH50", "whatsminer-m60": "M60VK20",
        "avalon-a1246": "Avalon1246", "avalon-a1566": "Avalon15",
    },
}  # fmt: skip
POWER = {  # whose watts each client knows how to find
    "pyasic": {"whatsminer-m30spp", "whatsminer-m50s", "whatsminer-m60", "avalon-a1566"},
    "pyasic_rs": {"whatsminer-m30spp", "whatsminer-m50s", "whatsminer-m60", "avalon-a1246", "avalon-a1566"},
}


@functools.cache
def readings(client: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what the client says and the truth by model, the simulator's counters)."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed: no network namespace for the standard ports")
    flags = "-n" if os.geteuid() == 0 else "-Urn"
    allowed = subprocess.run([unshare, flags, "true"], capture_output=True, check=False)
    if allowed.returncode:
        pytest.skip("this machine allows no network namespaces, so the standard ports cannot be had")
    done = subprocess.run(
        [unshare, flags, sys.executable, str(SCRIPT), client],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["model"]: line for line in lines[:-1]}, lines[-1]["counters"]


@pytest.mark.parametrize("slug", MODELS["pyasic"])
@pytest.mark.parametrize("client", MODELS)
def test_outside_clients_identify_and_read_it(client: str, slug: str) -> None:
    reading = readings(client)[0][slug]
    answer, truth = reading["answer"], reading["truth"]
    assert answer["model"] == MODELS[client][slug]
    assert answer["mac"].lower() == reading["mac"]
    assert answer["ths"] == pytest.approx(truth["ths_30m"], rel=0.02)
    assert answer["boards"] == 3
    assert answer["uptime"] == pytest.approx(truth["elapsed_s"], abs=5)
    assert all(rpm > 1000 for rpm in answer["fans"])
    assert answer["pool_user"] == reading["worker"]
    if slug in POWER[client]:
        assert answer["watts"] == pytest.approx(truth["power_w"], rel=0.02)


@pytest.mark.parametrize("client", MODELS)
def test_no_client_was_led_to_write(client: str) -> None:
    counters = readings(client)[1]
    assert counters["writes"] == {}
    assert set(counters["by_outcome"]) == {"ok"}
