"""Every misbehaviour on the wire, switched at run time."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hosting.simulator.switches import REPLIES
from tests.integration.simulator.running import (
    Running,
    exchange,
    fleet_of,
    free_port,
    read_all,
    running,
    wait_until,
)

ODD = 12  # a spare Antminer
SUMMARY = b'{"command":"summary"}'


@pytest.fixture(autouse=True)
def tidy(simulator: Running) -> Iterator[None]:
    yield
    simulator.switch(
        [ODD, ODD + 1],
        transport="ok", reply="ok", latency_ms=0, serial_api=False, joined_refused=False, clock_skew_s=0,
        mode="mining", boards_dead=[], fans_dead=[], psu_fault=False,
    )  # fmt: skip


def test_refused_is_a_real_rst_to_the_syn(tmp_path: Path) -> None:
    port, dead = free_port(), free_port()
    fleet = fleet_of([("antminer-s19", {}), ("antminer-s21", {"transport": "refused"})], port, free_port())
    miners = list(fleet.miners)
    values = {key: getattr(miners[1], key) for key in type(miners[1]).__dataclass_fields__}
    miners[1] = type(miners[1])(**values | {"port": dead})
    with running(type(fleet)(1, fleet.sites, fleet.customers, tuple(miners)), tmp_path) as simulator:
        assert simulator.json(0, "version")["id"] == 1
        assert dead not in simulator.ready["ports"]
        with pytest.raises(ConnectionRefusedError):
            simulator.ask(1, "version")


def test_blackhole_drops_the_syn_and_only_there(simulator: Running) -> None:
    simulator.switch([ODD], transport="blackhole")
    with pytest.raises(TimeoutError):
        socket.create_connection(simulator.where(ODD), timeout=0.5)
    assert simulator.json(ODD + 1, "version")["id"] == 1
    simulator.switch([ODD], transport="ok")
    assert simulator.json(ODD, "version")["id"] == 1


def test_hang_accepts_and_never_answers(simulator: Running) -> None:
    simulator.switch([ODD], transport="hang")
    with socket.create_connection(simulator.where(ODD), timeout=0.7) as sock:
        sock.sendall(SUMMARY)
        with pytest.raises(TimeoutError):
            sock.recv(1)


def test_reset(simulator: Running) -> None:
    simulator.switch([ODD], transport="reset")
    with socket.create_connection(simulator.where(ODD), timeout=5) as sock:
        sock.sendall(SUMMARY)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_denied_closes_with_no_bytes(simulator: Running) -> None:
    simulator.switch([ODD], transport="denied")
    assert exchange(simulator.where(ODD), SUMMARY) == b""


@pytest.mark.parametrize("kind", sorted(REPLIES))
def test_reply_kinds_over_the_wire(simulator: Running, kind: str) -> None:
    index = 7 if kind == "error_code_list" else ODD  # 7 is a Whatsminer
    commands = {"error_code_list": "get_error_code", "missing_comma": "stats", "bad_utf8": "pools"}
    command = commands.get(kind, "summary")
    before = simulator.get("/counters")["by_outcome"].get(kind, 0)
    simulator.switch([index], reply=kind)
    try:
        raw = simulator.ask(index, command)
    finally:
        simulator.switch([index], reply="ok")
    assert simulator.get("/counters")["by_outcome"][kind] == before + 1
    marks: dict[str, bytes] = {
        "missing_comma": b"}{", "list_comma": b"[,{", "trailing_comma": b",}\0", "raw_newline": b"\n",
        "control_bytes": b"\x01", "temp0_quote": b'""temp0', "error_code_list": b'["111":"',
        "quoted_nan": b'"nan"', "bare_nan": b":nan", "doubled": b'\0{"STATUS"', "bad_utf8": b"caf\xe9",
        "string_numbers": b':"',
        "empty_strings": b'"Utility":""', "no_nul": b"}", "newline_end": b"}\n", "nul_newline": b"\0\n",
        "id_only": b',"id":1}\0', "bye": b'{"BYE"', "huge": b"A" * 1_100_000, "deep": b"[" * 100_000,
        "http": b"HTTP/1.1 400", "backend_down": b"Socket connect failed: Connection refused\n",
        "access_denied": b'"Code":45', "ok": b"}\0", "script": b"STATUS", "truncated": b"STATUS",
    }  # fmt: skip
    assert marks[kind] in raw
    if kind in {"truncated", "no_nul"}:
        assert not raw.endswith(b"\0")
    if kind == "truncated":
        with pytest.raises(json.JSONDecodeError):
            json.loads(raw)


def test_spoilt_replies_that_are_no_sample_are_not_in_the_served_log(simulator: Running) -> None:
    since = time.time()
    simulator.switch([ODD], reply="truncated")
    simulator.ask(ODD, "summary")
    simulator.switch([ODD], reply="trailing_comma")
    simulator.ask(ODD, "summary")
    served = simulator.get(f"/served?since={since}")
    assert served["miner"] == [ODD]
    journal = simulator.get(f"/journal?since={since}")
    assert [entry["cause"] for entry in journal if entry["miner"] == ODD] == ["truncated", None]


def test_joined_refused_at_run_time(simulator: Running) -> None:
    simulator.switch([ODD], joined_refused=True)
    assert simulator.json(ODD, "summary+stats")["STATUS"][0]["Code"] == 14
    assert "SUMMARY" in simulator.json(ODD, "summary")


def test_latency(simulator: Running) -> None:
    simulator.switch([ODD], latency_ms=300, latency_sigma=0)
    start = time.monotonic()
    simulator.ask(ODD, "version")
    assert 0.29 < time.monotonic() - start < 1.5


def test_a_serial_api_is_blocked_by_an_idle_connection(simulator: Running) -> None:
    simulator.switch([ODD], serial_api=True)
    answers: list[Any] = []
    with socket.create_connection(simulator.where(ODD), timeout=5) as idle:
        time.sleep(0.1)
        threads = [
            threading.Thread(target=lambda: answers.append(simulator.json(ODD, "version"))) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        assert answers == []
        idle.sendall(b'{"command":"version"}')
        assert read_all(idle).endswith(b"\0")
    for thread in threads:
        thread.join(5)
    assert len(answers) == 2


def test_a_serial_api_answers_one_after_another(simulator: Running) -> None:
    simulator.switch([ODD], serial_api=True, latency_ms=150, latency_sigma=0)
    start = time.monotonic()
    threads = [threading.Thread(target=simulator.ask, args=(ODD, "version")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert 0.58 < time.monotonic() - start < 3


def test_clock_skew(simulator: Running) -> None:
    simulator.switch([ODD], clock_skew_s=-86_400)
    when = simulator.json(ODD, "summary")["STATUS"][0]["When"]
    assert when == pytest.approx(time.time() - 86_400, abs=3)


def test_faults_show_in_the_figures(simulator: Running) -> None:
    simulator.switch([ODD], boards_dead=[2], fans_dead=[1])
    wait_until(lambda: simulator.json(ODD, "stats")["STATS"][1]["chain_acn3"] == 0)
    assert simulator.json(ODD, "stats")["STATS"][1]["fan2"] == 0


def test_sleep_empties_an_antminer(simulator: Running) -> None:
    simulator.switch([ODD], mode="sleeping")
    wait_until(lambda: simulator.json(ODD, "summary")["SUMMARY"] == [])


def test_a_psu_fault_is_a_whatsminer_error_code(simulator: Running) -> None:
    simulator.switch([8], psu_fault=True)
    try:
        wait_until(lambda: simulator.json(8, "summary")["SUMMARY"][0]["Power"] < 400)
        assert list(simulator.json(8, "get_error_code")["Msg"]["error_code"][0]) == ["206"]
    finally:
        simulator.switch([8], psu_fault=False)


def test_a_dhcp_swap_moves_two_macs(simulator: Running) -> None:
    def mac(index: int) -> str:
        return str(simulator.json(index, "get_miner_info")["Msg"]["mac"]).lower()

    first, second = simulator.fleet.miners[6], simulator.fleet.miners[7]
    simulator.switch([6], swap_with=7)
    assert (mac(6), mac(7)) == (second.mac, first.mac)
    simulator.switch([6], swap_with=None)
    assert (mac(6), mac(7)) == (first.mac, second.mac)


def test_a_reboot_takes_the_machine_off_the_network(simulator: Running) -> None:
    index = ODD + 5
    simulator.switch([index], reboot=True)
    with pytest.raises(TimeoutError):
        socket.create_connection(simulator.where(index), timeout=0.4)
    wait_until(lambda: simulator.get(f"/truth?miners={index}")[0]["mode"] == [4])
    assert simulator.get(f"/truth?miners={index}")[0]["power_w"] == [0]


def test_a_big_reply_reaches_a_slow_reader_whole(simulator: Running) -> None:
    simulator.switch([ODD], reply="huge")
    with socket.create_connection(simulator.where(ODD), timeout=5) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131_072)
        sock.sendall(SUMMARY)
        time.sleep(0.2)
        raw = read_all(sock)
    assert len(raw) > 1_200_000
    assert raw.endswith(b'"}\0')
