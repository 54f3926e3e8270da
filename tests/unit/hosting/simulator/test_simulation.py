"""The fleet as one object: time, switches, traded addresses and the log of what was served."""

from __future__ import annotations

import pytest

from hosting.simulator.fleet import build_fleet
from hosting.simulator.oracle import reply_mask
from hosting.simulator.physics import DOWN, MINING, SLEEPING, STARTING
from hosting.simulator.simulation import Simulation
from hosting.simulator.switches import SwitchError
from hosting.simulator.wire import parse_request


@pytest.fixture
def simulation() -> Simulation:
    return Simulation(build_fleet(30, 4))


def test_time_goes_in_seconds_and_a_stall_is_skipped(simulation: Simulation) -> None:
    start, ticks = simulation.now, simulation.physics.ticks
    simulation.tick(start + 0.5)
    assert simulation.physics.ticks == ticks
    simulation.tick(start + 3.2)
    assert simulation.physics.ticks == ticks + 3
    simulation.tick(start + 600)
    assert simulation.physics.ticks == ticks + 4
    assert simulation.now == start + 600


def test_sleep_and_wake(simulation: Simulation) -> None:
    assert simulation.switch([2, 5], {"mode": "sleeping"}) == 2
    simulation.tick(simulation.now + 1)
    assert simulation.physics.mode()[[2, 5, 6]].tolist() == [SLEEPING, SLEEPING, MINING]
    simulation.switch([2], {"mode": "mining"})
    simulation.tick(simulation.now + 1)
    assert simulation.physics.mode()[2] == STARTING


def test_a_wrong_switch_changes_nothing(simulation: Simulation) -> None:
    with pytest.raises(SwitchError, match="no such miner"):
        simulation.switch([0, 30], {"mode": "sleeping"})
    with pytest.raises(SwitchError, match="mode"):
        simulation.switch([0], {"mode": "off"})
    with pytest.raises(SwitchError, match="fleet file"):
        simulation.switch([0], {"transport": "refused"})
    assert all(card.switches.mode == "mining" for card in simulation.cards)


def test_blackholes_and_rebooting_machines_are_dropped(simulation: Simulation) -> None:
    calls: list[set[str]] = []
    simulation.on_drops = lambda: calls.append(simulation.dropped())
    simulation.switch([1], {"transport": "blackhole"})
    assert calls[-1] == {simulation.cards[1].address}
    simulation.switch([3], {"reboot": True})
    assert calls[-1] == {simulation.cards[1].address, simulation.cards[3].address}
    assert simulation.physics.mode()[3] == DOWN
    for _ in range(10):
        simulation.tick(simulation.now + 9)
    assert calls[-1] == {simulation.cards[1].address}
    causes = [(e["miner"], e["cause"]) for e in simulation.oracle.journal if e["miner"] in {1, 3}]
    assert causes[-3:] == [(1, "timeout"), (3, "timeout"), (3, None)]


def test_two_machines_trade_addresses_and_back(simulation: Simulation) -> None:
    first, second = simulation.cards[0], simulation.cards[9]
    here, there = first.address, second.address
    assert simulation.switch([0], {"swap_with": 9}) == 2
    assert (first.address, second.address) == (there, here)
    assert simulation.by_address[here] is second
    assert simulation.by_address[there] is first
    assert second.switches.swap_with == 0
    simulation.switch([0], {"swap_with": None})
    assert (first.address, second.address) == (here, there)
    assert first.switches.swap_with is None


def test_served_replies_carry_the_truth_of_their_tick(simulation: Simulation) -> None:
    request = parse_request(b'{"command":"summary+stats"}')
    assert reply_mask(request) == 3
    simulation.oracle.served(simulation.now + 0.4, 7, 3)
    expected = simulation.view.row(7)
    start = simulation.now
    simulation.tick(start + 1)
    simulation.oracle.served(start + 1.2, 8, 1)
    served = simulation.oracle.served_since(start, simulation.view.table)
    assert served["miner"].tolist() == [7, 8]
    assert served["mask"].tolist() == [3, 1]
    assert served["ths_5s"][0] == pytest.approx(expected[0], abs=1e-6)
    assert served["power_w"][0] == pytest.approx(expected[11], abs=1e-6)
    later = simulation.oracle.served_since(start + 1, simulation.view.table)
    assert later["miner"].tolist() == [8]


def test_the_truth_of_past_seconds_is_kept(simulation: Simulation) -> None:
    start = simulation.now
    simulation.tick(start + 5)
    rows = simulation.oracle.truth_since(start, [3, 4])
    assert [row["t"] for row in rows] == [start + 1, start + 2, start + 3, start + 4]
    assert rows[0]["miner"] == [3, 4]
    assert len(rows[0]["ths_1m"]) == 2


def test_latency_is_lognormal_about_its_median(simulation: Simulation) -> None:
    slow = simulation.cards[0].switches.with_changes({"latency_ms": 100, "latency_sigma": 0.5})
    draws = sorted(simulation.latency_s(slow) for _ in range(4000))
    assert draws[2000] == pytest.approx(0.1, rel=0.06)
    assert draws[200] < 0.06
    assert draws[3800] > 0.19
    assert simulation.latency_s(simulation.cards[0].switches) == 0
