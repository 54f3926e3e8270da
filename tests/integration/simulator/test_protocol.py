"""The RPC port over real TCP with raw sockets."""

from __future__ import annotations

import json
import socket
import time

import pytest

from hosting.simulator.models import MODELS
from tests.integration.simulator.running import RST_ON_CLOSE, Running, exchange, read_all

SLUGS = list(MODELS)
JOINED = {"whatsminer_v2": "summary+devs+pools"}


@pytest.mark.parametrize("index", range(len(SLUGS)), ids=SLUGS)
def test_each_model_answers_a_joined_command_with_its_true_hashrate(simulator: Running, index: int) -> None:
    miner = simulator.fleet.miners[index]
    before = time.time()
    raw = simulator.ask(index, JOINED.get(miner.dialect, "summary+stats+pools+devs"))
    assert raw.endswith(b"}\0")
    assert raw.count(b"\0") == 1
    reply = json.loads(raw[:-1])
    summary = reply["summary"][0]["SUMMARY"][0]
    ghs = summary["GHS av"] if miner.dialect == "antminer" else summary["MHS av"] / 1000
    served = simulator.get(f"/served?since={before - 0.001}")
    at = served["miner"].index(index)
    assert ghs / 1000 == pytest.approx(served["ths_av"][at], rel=1e-5)
    assert served["mask"][at] & 9 == 9
    assert reply["pools"][0]["POOLS"][0]["User"] == miner.worker


def test_the_address_decides_which_machine_answers(simulator: Running) -> None:
    types = [simulator.json(i, "version")["VERSION"][0]["Type"] for i in range(6)]
    assert types == [MODELS[slug].wire_name for slug in SLUGS[:6]]


def test_an_address_without_a_machine_is_closed_and_counted(simulator: Running) -> None:
    before = simulator.get("/counters")["unknown_address"]
    with socket.create_connection(("127.200.0.1", simulator.where(0)[1]), timeout=5) as sock:
        assert read_all(sock) == b""
    assert simulator.get("/counters")["unknown_address"] == before + 1


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b'{"command":"summary"}\0', 23),
        (b'{"command":"summ', 23),
        (b'{"parameter":"x"}', 24),
        (b'{"command":"nonsense"}', 14),
        (b'{"command":"config"}', 45),
    ],
)
def test_bad_requests_get_cgminers_codes(simulator: Running, request_bytes: bytes, code: int) -> None:
    reply = json.loads(exchange(simulator.where(0), request_bytes)[:-1])
    assert reply["STATUS"][0]["STATUS"] == "E"
    assert reply["STATUS"][0]["Code"] == code


def test_the_text_form(simulator: Running) -> None:
    text = exchange(simulator.where(0), b"summary+version").decode()
    assert text.startswith("CMD=summary|STATUS=S,When=")
    assert "|SUMMARY,Elapsed=" in text
    assert "|CMD=version|" in text
    assert text.endswith("|\0")


def test_one_request_a_connection(simulator: Running) -> None:
    with socket.create_connection(simulator.where(0), timeout=5) as sock:
        sock.sendall(b'{"command":"version"}')
        assert read_all(sock).endswith(b"\0")
        sock.sendall(b'{"command":"version"}')
        time.sleep(0.1)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            sock.sendall(b'{"command":"version"}')


def test_peers_that_leave_do_no_harm(simulator: Running) -> None:
    for _ in range(20):
        with socket.create_connection(simulator.where(1), timeout=5) as sock:
            sock.sendall(b'{"command":"stats"}')
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
        socket.create_connection(simulator.where(1), timeout=5).close()
    assert simulator.json(1, "version")["id"] == 1


def test_a_slow_request_is_waited_for(simulator: Running) -> None:
    with socket.create_connection(simulator.where(2), timeout=5) as sock:
        time.sleep(0.3)
        sock.sendall(b'{"command":"version"}')
        assert b"VERSION" in read_all(sock)


def test_counters_tell_what_was_asked(simulator: Running) -> None:
    before = simulator.get("/counters?miners=1")
    simulator.ask(4, "pools")
    simulator.ask(4, "pools")
    after = simulator.get("/counters?miners=1")
    assert after["by_command"]["pools"] - before["by_command"].get("pools", 0) == 2
    assert after["per_miner"]["requests"][4] - before["per_miner"]["requests"][4] == 2
    assert after["connections"] - before["connections"] == 2
    assert after["by_outcome"]["ok"] - before["by_outcome"]["ok"] == 2


def test_writes_are_refused_and_counted(simulator: Running) -> None:
    index = SLUGS.index("whatsminer-m50s")
    before = simulator.get("/counters")["writes"].get("open_write_api", 0)
    reply = json.loads(exchange(simulator.where(index), b'{"cmd":"open_write_api"}')[:-1])
    assert reply["Code"] == 45
    assert simulator.get("/counters")["writes"]["open_write_api"] == before + 1


def test_figures_change_and_counters_grow(simulator: Running) -> None:
    first = simulator.json(3, "summary")["SUMMARY"][0]
    time.sleep(2.2)
    second = simulator.json(3, "summary")["SUMMARY"][0]
    assert 1 <= second["Elapsed"] - first["Elapsed"] <= 4
    assert second["GHS 5s"] != first["GHS 5s"]
    assert second["Total MH"] > first["Total MH"]
