"""What machines answer: JSON in every state, true figures in their units, cgminer's joined rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hosting.simulator import view as v
from hosting.simulator.dialects import DIALECTS
from hosting.simulator.fleet import Fleet, build_fleet
from hosting.simulator.models import MODELS
from hosting.simulator.oracle import TRUTH_COLUMNS
from hosting.simulator.simulation import Simulation
from hosting.simulator.wire import parse_request

JOINED = "summary+stats+pools+devs"


def one_of_each(behaviour: dict[str, Any] | None = None) -> Fleet:
    fleet = build_fleet(3000, 2)
    miners = []
    for index, slug in enumerate(MODELS):
        miner = next(m for m in fleet.miners if m.model == slug)
        values = {k: getattr(miner, k) for k in type(miner).__dataclass_fields__}
        miners.append(type(miner)(**values | {"index": index, "behaviour": behaviour or {}}))
    return Fleet(2, fleet.sites, fleet.customers, tuple(miners))


@pytest.fixture(scope="module")
def healthy() -> Simulation:
    return Simulation(one_of_each())


def ask(simulation: Simulation, index: int, command: str, parameter: str = "") -> dict[str, Any]:
    request = parse_request(json.dumps({"command": command, "parameter": parameter}).encode())
    raw = simulation.reply(simulation.cards[index], request)
    assert raw.endswith(b"}\0")
    answer: dict[str, Any] = json.loads(raw[:-1])
    return answer


def of(simulation: Simulation, slug: str) -> int:
    return next(card.index for card in simulation.cards if card.model.slug == slug)


def truth(simulation: Simulation, index: int) -> dict[str, float]:
    row = simulation.view.row(index)
    return {name: row[column] for name, column in TRUTH_COLUMNS.items()}


BEHAVIOURS: list[dict[str, Any]] = [
    {},
    {"mode": "sleeping"},
    {"psu_fault": True},
    {"boards_dead": [1]},
    {"boards_dead": [0, 1, 2]},
    {"fans_dead": [0]},
    {"power_pct": 60},
    {"clock_skew_s": -4_000_000_000},
]


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
def test_every_report_of_every_model_is_json_with_a_status(behaviour: dict[str, Any]) -> None:
    simulation = Simulation(one_of_each(behaviour))
    for card in simulation.cards:
        dialect = DIALECTS[card.dialect]
        for command in [*dialect.sections, JOINED, "+".join(sorted(dialect.joinable))]:
            answer = ask(simulation, card.index, command)
            for section in [answer] if "+" not in command else [s[0] for k, s in answer.items() if k != "id"]:
                status = section["STATUS"]
                letter = status if isinstance(status, str) else status[0]["STATUS"]
                assert letter in "SIE"


def test_antminer_speaks_gh_and_says_neither_mac_nor_power(healthy: Simulation) -> None:
    index = of(healthy, "antminer-s19-pro")
    was = truth(healthy, index)
    summary = ask(healthy, index, "summary")["SUMMARY"][0]
    version, stats = ask(healthy, index, "stats")["STATS"]
    assert summary["GHS 5s"] == pytest.approx(was["ths_5s"] * 1000, abs=0.01)
    assert summary["GHS av"] == pytest.approx(was["ths_av"] * 1000, abs=0.01)
    assert stats["rate_30m"] == pytest.approx(was["ths_30m"] * 1000, abs=0.01)
    assert version["Type"] == "Antminer S19 Pro"
    assert sum(float(stats[f"chain_rate{n}"]) for n in (1, 2, 3)) == pytest.approx(stats["GHS 5s"], abs=0.05)
    assert stats["chain_rate4"] == ""
    assert [stats[f"chain_acn{n}"] for n in (1, 2, 3, 4)] == [114, 114, 114, 0]
    assert stats["total_rateideal"] == 110_000
    assert all(700 < stats[f"fan{n}"] <= 6000 for n in (1, 2, 3, 4))
    whole = json.dumps([summary, version, stats]).lower()
    assert "mac" not in whole
    assert "power" not in whole


def test_antminer_asleep_has_empty_lists() -> None:
    simulation = Simulation(one_of_each({"mode": "sleeping"}))
    index = of(simulation, "antminer-s21")
    assert ask(simulation, index, "summary")["SUMMARY"] == []
    assert ask(simulation, index, "stats")["STATS"] == []


def test_whatsminer_speaks_mh_and_tells_power_and_mac(healthy: Simulation) -> None:
    index = of(healthy, "whatsminer-m50s")
    was = truth(healthy, index)
    summary = ask(healthy, index, "summary")["SUMMARY"][0]
    assert summary["MHS 1m"] == pytest.approx(was["ths_1m"] * 1e6, abs=1)
    assert summary["HS RT"] == pytest.approx(was["ths_5m"] * 1e6, abs=1)
    assert summary["Factory GHS"] == 126_000
    assert summary["Power"] == round(was["power_w"])
    assert summary["MAC"] == healthy.cards[index].mac.upper()
    devs = ask(healthy, index, "devs")["DEVS"]
    assert sum(board["MHS 1m"] for board in devs) == pytest.approx(summary["MHS 1m"], abs=1)
    assert ask(healthy, index, "get_version")["Msg"]["fw_ver"] < "202411"
    assert ask(healthy, index, "devdetails")["DEVDETAILS"][0]["Driver"] == "bitmicro"
    assert ask(healthy, index, "get_error_code")["Msg"] == {"error_code": []}
    assert ask(healthy, index, "stats")["Code"] == 14
    assert ask(healthy, index, "open_write_api")["Code"] == 45


def test_whatsminer_reports_its_faults_and_sleep() -> None:
    simulation = Simulation(one_of_each({"psu_fault": True, "fans_dead": [1]}))
    index = of(simulation, "whatsminer-m60")
    codes = ask(simulation, index, "get_error_code")["Msg"]["error_code"]
    assert [next(iter(code)) for code in codes] == ["206", "111"]
    assert ask(simulation, index, "summary")["SUMMARY"][0]["Error Code 0"] == 206
    asleep = Simulation(one_of_each({"mode": "sleeping"}))
    assert ask(asleep, index, "status")["Msg"]["mineroff"] == "true"


def test_avalon_speaks_mh_in_summary_and_gh_in_its_string(healthy: Simulation) -> None:
    index = of(healthy, "avalon-a1566")
    was = truth(healthy, index)
    assert ask(healthy, index, "summary")["SUMMARY"][0]["MHS 1m"] == pytest.approx(was["ths_1m"] * 1e6, abs=1)
    text = ask(healthy, index, "stats")["STATS"][0]["MM ID0"]
    boards = text.split("MGHS[")[1].split("]")[0].split()
    assert sum(map(float, boards)) == pytest.approx(was["ths_1m"] * 1000, abs=0.1)
    assert float(text.split("WALLPOWER[")[1].split("]")[0]) == round(was["power_w"])
    assert len(text.split("PVT_T0[")[1].split("]")[0].split()) == 160
    version = ask(healthy, index, "version")["VERSION"][0]
    assert version["MAC"] == healthy.cards[index].mac.replace(":", "")
    assert version["DNA"] == healthy.cards[index].serial
    assert "WALLPOWER" not in ask(healthy, of(healthy, "avalon-a1246"), "stats")["STATS"][0]["MM ID0"]


def test_avalon_asleep_says_soft_off() -> None:
    simulation = Simulation(one_of_each({"mode": "sleeping"}))
    text = ask(simulation, of(simulation, "avalon-a1246"), "stats")["STATS"][0]["MM ID0"]
    assert "SoftOFF[4]" in text
    assert "SoftOFF[0]" not in text


def test_joined_sections_are_lists_of_one_and_bad_members_fail_alone(healthy: Simulation) -> None:
    answer = ask(healthy, of(healthy, "antminer-s19"), "summary+nosuch+config+stats")
    assert list(answer) == ["summary", "nosuch", "config", "stats", "id"]
    assert len(answer["summary"]) == 1
    assert answer["summary"][0]["SUMMARY"][0]["Elapsed"] > 0
    assert answer["nosuch"][0]["STATUS"][0]["Code"] == 14
    assert answer["config"][0]["STATUS"][0]["Code"] == 45
    assert len(answer["stats"][0]["STATS"]) == 2


def test_even_one_command_with_a_plus_is_joined(healthy: Simulation) -> None:
    answer = ask(healthy, of(healthy, "generic-sha256"), "+version+")
    assert answer["version"][0]["VERSION"][0]["API"] == "3.7"


def test_joined_refused_is_code_14_for_joined_only() -> None:
    simulation = Simulation(one_of_each({"joined_refused": True}))
    index = of(simulation, "antminer-s19")
    refused = ask(simulation, index, JOINED)
    assert refused["STATUS"][0]["STATUS"] == "E"
    assert refused["STATUS"][0]["Code"] == 14
    assert ask(simulation, index, "summary")["STATUS"][0]["Code"] == 11


@pytest.mark.parametrize(
    ("slug", "command", "code"),
    [
        ("antminer-s21", "devdetails", 45),
        ("antminer-s21", "privileged", 45),
        ("antminer-s21", "bogus", 14),
        ("antminer-s21", "addpool", 45),
        ("avalon-a1246", "bogus", 14),
        ("avalon-a1246", "restart", 45),
        ("generic-sha256", "ascset", 45),
    ],
)
def test_refusals(healthy: Simulation, slug: str, command: str, code: int) -> None:
    assert ask(healthy, of(healthy, slug), command)["STATUS"][0]["Code"] == code


def test_check_and_ascset(healthy: Simulation) -> None:
    antminer, avalon = of(healthy, "antminer-s21"), of(healthy, "avalon-a1246")
    assert ask(healthy, antminer, "check", "stats")["CHECK"] == [{"Exists": "Y", "Access": "Y"}]
    assert ask(healthy, antminer, "check", "config")["CHECK"] == [{"Exists": "Y", "Access": "N"}]
    assert ask(healthy, antminer, "check", "nosuch")["CHECK"] == [{"Exists": "N", "Access": "N"}]
    assert ask(healthy, avalon, "ascset", "0,help")["STATUS"][0]["STATUS"] == "I"
    assert ask(healthy, avalon, "ascset", "0,softoff,1:1")["STATUS"][0]["Code"] == 120


def test_a_lost_board_and_fan_are_gone_from_the_figures() -> None:
    simulation = Simulation(one_of_each({"boards_dead": [1], "fans_dead": [0]}))
    stats = ask(simulation, of(simulation, "antminer-s19-pro"), "stats")["STATS"][1]
    assert (stats["chain_acn2"], stats["chain_rate2"], stats["fan1"]) == (0, "", 0)
    assert float(stats["chain_rate1"]) > 30_000
    devs = ask(simulation, of(simulation, "whatsminer-m60"), "devs")["DEVS"]
    assert [board["Slot"] for board in devs] == [0, 2]
    assert simulation.view.row(0)[v.BOARD_SHARE + 1] == 0


def test_reply_sizes_are_those_of_real_machines(healthy: Simulation) -> None:
    sizes = {}
    for slug, command in (
        ("antminer-s19-pro", "stats"),
        ("antminer-s19-pro", JOINED),
        ("avalon-a1246", "stats"),
    ):
        request = parse_request(b'{"command":"%s"}' % command.encode())
        sizes[slug, command] = len(healthy.reply(healthy.cards[of(healthy, slug)], request))
    assert 3_000 < sizes["antminer-s19-pro", "stats"] < 4_500
    assert 6_500 < sizes["antminer-s19-pro", JOINED] < 8_500
    assert 7_500 < sizes["avalon-a1246", "stats"] < 9_500


def test_when_follows_the_machines_clock() -> None:
    right = Simulation(one_of_each())
    wrong = Simulation(one_of_each({"clock_skew_s": 86_400}))
    times = [ask(s, 0, "summary")["STATUS"][0]["When"] for s in (right, wrong)]
    assert times[1] - times[0] == pytest.approx(86_400, abs=2)
