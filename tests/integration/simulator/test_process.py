"""The process: how fast it starts, how it ends, and what it says when it cannot."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from hosting.simulator.fleet import Fleet, build_fleet
from hosting.simulator.server import listen_on_loopback
from tests.integration.simulator.running import (
    ROOT,
    exchange,
    fleet_of,
    free_port,
    running,
    start,
    stop,
    wait_ready,
)


def test_6000_machines_stand_within_3_seconds_and_all_answer(tmp_path: Path) -> None:
    port = free_port()
    fleet = build_fleet(6000, 1, port, free_port())
    path = tmp_path / "fleet.json"
    path.write_bytes(fleet.to_json())
    began = time.monotonic()
    process = start("--fleet", str(path))
    try:
        ready = wait_ready(process)
        took = time.monotonic() - began
        for miner in fleet.miners[::40]:
            assert exchange((miner.address, miner.port), b'{"command":"summary"}').endswith(b"\0")
    finally:
        stop(process)
    assert ready["miners"] == 6000
    assert ready["started_in_s"] < 3
    assert took < 6  # with the interpreter, on a busy machine


def test_the_listener_is_bound_to_the_loopback_device() -> None:
    with listen_on_loopback(free_port()) as sock:
        device = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
    assert device.rstrip(b"\0") == b"lo"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_at_once_with_connections_open(tmp_path: Path, number: signal.Signals) -> None:
    fleet = fleet_of([("antminer-s19", {"transport": "hang"})], free_port(), free_port())
    with running(fleet, tmp_path) as simulator, socket.create_connection(simulator.where(0), timeout=5):
        began = time.monotonic()
        simulator.process.send_signal(number)
        assert simulator.process.wait(5) == 0
        assert time.monotonic() - began < 1


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    path.write_bytes(build_fleet(5, 1, free_port(), free_port()).to_json())
    code = (
        "import subprocess,sys,time\n"
        f"p=subprocess.Popen([sys.executable,'-m','hosting.simulator','--fleet',{str(path)!r}],stdout=subprocess.PIPE)\n"
        "p.stdout.readline(); print(p.pid,flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait(5)
    parent.stdout.close()
    end = time.monotonic() + 5
    while _alive(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = tmp_path / "fleet.json"
        path.write_bytes(build_fleet(5, 1, taken.getsockname()[1], free_port()).to_json())
        process = start("--fleet", str(path))
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 3
        assert f"port {taken.getsockname()[1]} cannot be opened" in errors


def test_a_missing_or_broken_fleet_file_is_explained(tmp_path: Path) -> None:
    process = start("--fleet", str(tmp_path / "none.json"))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "give --miners" in errors
    (tmp_path / "bad.json").write_text('{"version": 9, "miner_fields": []}')
    process = start("--fleet", str(tmp_path / "bad.json"))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "not a fleet file" in errors


def test_it_builds_the_fleet_file_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    process = start(
        "--fleet", str(path), "--miners", "40", "--profile", "demo", "--port", "15028", "--build-only"
    )
    process.communicate(timeout=20)
    assert process.returncode == 0
    fleet = Fleet.from_json(path.read_bytes())
    assert len(fleet.miners) == 40
    assert {m.port for m in fleet.miners} <= {15028, 15029}


def test_the_truth_log_has_a_line_a_second(tmp_path: Path) -> None:
    log = tmp_path / "truth.jsonl"
    fleet = fleet_of([("antminer-s19", {}), ("whatsminer-m60", {})], free_port(), free_port())
    with running(fleet, tmp_path, "--truth-log", str(log)) as simulator:
        time.sleep(3.3)
        simulator.process.terminate()
        simulator.process.wait(5)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) >= 3
    assert [round(b["t"] - a["t"]) for a, b in pairwise(lines)] == [1] * (len(lines) - 1)
    assert all(len(line["power_w"]) == 2 for line in lines)


def test_a_process_without_privileges_can_serve(tmp_path: Path) -> None:
    """Listening and dropping SYNs need no capability on the network (ports above 1024)."""
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-U", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine allows no user namespaces, which take the privileges away")
    fleet = fleet_of(
        [("antminer-s19", {}), ("antminer-s21", {"transport": "blackhole"})], free_port(), free_port()
    )
    path = tmp_path / "fleet.json"
    path.write_bytes(fleet.to_json())
    process = start("--fleet", str(path), before=(unshare, "-U"))
    try:
        wait_ready(process)
        where = (fleet.miners[0].address, fleet.miners[0].port)
        assert exchange(where, b'{"command":"version"}').endswith(b"\0")
        with pytest.raises(TimeoutError):
            socket.create_connection((fleet.miners[1].address, fleet.miners[1].port), timeout=0.4)
    finally:
        stop(process)
