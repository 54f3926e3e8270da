"""The control port: health, truth, and clear answers to wrong questions."""

from __future__ import annotations

import time
import urllib.error

import pytest

from tests.integration.simulator.running import Running, wait_until


def test_health(simulator: Running) -> None:
    health = simulator.get("/health")
    assert health["ok"]
    assert health["miners"] == len(simulator.fleet.miners)
    assert abs(health["now"] - time.time()) < 5


def test_truth_now_and_since(simulator: Running) -> None:
    now = simulator.get("/truth")[0]
    count = len(simulator.fleet.miners)
    assert all(len(now[key]) == count for key in ("ths_5s", "ths_30m", "power_w", "mode", "energy_wh"))
    wait_until(lambda: len(simulator.get(f"/truth?since={now['t'] - 0.5}&miners=0,1")) >= 2)
    rows = simulator.get(f"/truth?since={now['t'] - 0.5}&miners=0,1")
    assert [row["t"] for row in rows] == sorted(row["t"] for row in rows)
    assert all(len(row["ths_1m"]) == 2 for row in rows)
    energies = [row["energy_wh"][0] for row in rows]
    assert energies == sorted(energies)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"not json", "expected"),
        ({"miners": [0]}, "expected"),
        ({"set": {"mode": "sleeping"}}, "which miners"),
        ({"share": 2, "set": {"mode": "sleeping"}}, "which miners"),
        ({"miners": [999], "set": {"mode": "sleeping"}}, "no such miner"),
        ({"miners": [-1], "set": {"mode": "sleeping"}}, "no such miner"),
        ({"miners": [0], "set": {"speed": 2}}, "no such switch: speed"),
        ({"miners": [0], "set": {"transport": "refused"}}, "fleet file"),
    ],
)
def test_wrong_switches_are_explained(simulator: Running, body: object, message: str) -> None:
    status, answer = simulator.post(body)
    assert status == 400
    assert message in answer["error"]


def test_a_share_of_the_fleet(simulator: Running) -> None:
    status, answer = simulator.post({"share": 0.5, "set": {"clock_skew_s": 0}})
    assert status == 200
    assert answer["changed"] == 9
    assert len(set(answer["miners"])) == 9


@pytest.mark.parametrize(
    ("path", "code"), [("/nowhere", 404), ("/truth?since=x", 400), ("/truth?miners=77", 400)]
)
def test_wrong_questions(simulator: Running, path: str, code: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        simulator.get(path)
    with error.value:
        assert error.value.code == code
