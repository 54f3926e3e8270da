"""Port 80: digest CGI of the Antminers, and nothing of a MARA."""

from __future__ import annotations

import hashlib
import json
import re
import socket

import pytest

from tests.integration.simulator.running import Running, read_all

WHATSMINER, AVALON = 7, 9
PASSWORD = "s3cret"


def fetch(simulator: Running, index: int, path: str, header: str = "") -> tuple[int, dict[str, str], bytes]:
    miner = simulator.fleet.miners[index]
    with socket.create_connection((miner.address, miner.http_port), timeout=5) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, body


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def login(simulator: Running, path: str, password: str = PASSWORD) -> str:
    _, headers, _ = fetch(simulator, 0, path)
    challenge = headers["www-authenticate"]
    assert 'realm="antMiner Configuration"' in challenge
    found = re.search(r'nonce="(\w+)"', challenge)
    assert found is not None
    nonce = found[1]
    ha1 = md5(f"tech:antMiner Configuration:{password}")
    response = md5(f"{ha1}:{nonce}:00000001:abc:auth:" + md5(f"GET:{path}"))
    return (
        f'Authorization: Digest username="tech", realm="antMiner Configuration", nonce="{nonce}", '
        f'uri="{path}", '
        f'qop=auth, nc=00000001, cnonce="abc", response="{response}"\r\n'
    )


@pytest.mark.parametrize(
    "page", ["get_system_info", "summary", "stats", "pools", "get_miner_conf", "get_blink_status"]
)
def test_pages_need_the_digest_login(simulator: Running, page: str) -> None:
    path = f"/cgi-bin/{page}.cgi"
    assert fetch(simulator, 0, path)[0] == 401
    assert fetch(simulator, 0, path, login(simulator, path, "wrong"))[0] == 401
    status, _, body = fetch(simulator, 0, path, login(simulator, path))
    assert status == 200
    assert json.loads(body)


def test_system_info_names_the_model_and_mac(simulator: Running) -> None:
    path = "/cgi-bin/get_system_info.cgi"
    info = json.loads(fetch(simulator, 0, path, login(simulator, path))[2])
    assert info["minertype"] == "Antminer S19"
    assert info["macaddr"].lower() == simulator.fleet.miners[0].mac
    assert info["ipaddress"] == simulator.fleet.miners[0].address


def test_stats_agree_with_the_truth(simulator: Running) -> None:
    path = "/cgi-bin/stats.cgi"
    stats = json.loads(fetch(simulator, 0, path, login(simulator, path))[2])["STATS"][0]
    truth = simulator.get("/truth?miners=0")[0]
    assert stats["rate_30m"] / 1000 == pytest.approx(truth["ths_30m"][0], rel=0.01)
    assert stats["miner-mode"] == 0
    assert len(stats["chain"]) == 3


def test_other_paths_are_404_so_that_nobody_takes_it_for_a_mara(simulator: Running) -> None:
    assert fetch(simulator, 0, "/kaonsu/v1/brief")[0] == 404
    assert fetch(simulator, 0, "/cgi-bin/nothing.cgi")[0] == 404
    assert fetch(simulator, 0, "/")[0] == 401


def test_the_others_front_pages(simulator: Running) -> None:
    status, headers, _ = fetch(simulator, WHATSMINER, "/")
    assert status == 307
    assert headers["location"].endswith("/cgi-bin/luci")
    assert b"Avalon" in fetch(simulator, AVALON, "/")[2]
