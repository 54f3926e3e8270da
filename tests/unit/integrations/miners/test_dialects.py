"""The dialects on small replies of our own: layouts, modes, hostile values, poll plans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashinsight.integrations.miners import dialects
from hashinsight.integrations.miners.decode import Section, decode, sections
from hashinsight.integrations.miners.dialects.avalon import parse_brackets
from hashinsight.integrations.miners.dialects.base import Device, decide_mode, request
from hashinsight.integrations.miners.readings import (
    MacIdentity,
    Mode,
    PowerSource,
    Reading,
    Repair,
    identity_of,
)
from tests.unit.integrations.miners.samples import flat, near, reply

ANTMINER = dialects.get("antminer")
WHATSMINER = dialects.get("whatsminer_v2")
AVALON = dialects.get("avalon")
CGMINER = dialects.get("cgminer")


@pytest.mark.parametrize(
    ("recent", "asleep", "uptime", "error", "mode"),
    [
        (100.0, None, 5000, False, Mode.MINING),
        (100.0, False, None, True, Mode.MINING),
        (100.0, True, 5000, False, Mode.SLEEPING),
        (None, True, None, False, Mode.SLEEPING),
        (0.0, None, 30, False, Mode.STARTING),
        (0.0, False, 599, False, Mode.STARTING),
        (0.0, None, 600, False, Mode.UNKNOWN),
        (0.0, None, 30, True, Mode.ERROR),
        (0.0, None, None, False, Mode.UNKNOWN),
        (None, None, 30, True, Mode.UNKNOWN),
        (None, False, None, False, Mode.UNKNOWN),
    ],
)
def test_mode_needs_evidence(
    recent: float | None, asleep: bool | None, uptime: int | None, error: bool, mode: Mode
) -> None:
    assert decide_mode(recent_ths=recent, asleep=asleep, uptime_s=uptime, error=error) is mode


@pytest.mark.parametrize("name", sorted(dialects.DIALECTS))
def test_nothing_in_nothing_out(name: str) -> None:
    assert dialects.get(name).parse({}) == Reading()


def test_unknown_dialect() -> None:
    with pytest.raises(LookupError, match="unknown dialect 'nosuch'; known: antminer, avalon, cgminer"):
        dialects.get("nosuch")


def test_request_bytes() -> None:
    assert request("summary", "stats").payload == b'{"command":"summary+stats"}'
    assert request("check", parameter="stats").payload == b'{"command":"check","parameter":"stats"}'
    with pytest.raises(ValueError, match="no parameter"):
        request("a", "b", parameter="x")


def _commands(device: Device) -> list[tuple[str, ...]]:
    return [item.commands for item in dialects.get(device.dialect).poll_plan(device)]


def test_poll_plans() -> None:
    assert _commands(Device("h", dialect="antminer")) == [("summary", "stats", "pools")]
    assert _commands(Device("h", dialect="antminer", joined_refused=True)) == [
        ("summary",),
        ("stats",),
        ("pools",),
    ]
    assert _commands(Device("h", dialect="avalon")) == [("summary", "stats", "pools", "version")]
    assert _commands(Device("h", dialect="avalon", unsupported={"stats"})) == [
        ("summary", "estats", "pools", "version")
    ]
    assert _commands(Device("h", dialect="cgminer")) == [("summary", "devs", "pools")]


def test_whatsminer_asks_for_error_codes_every_tenth_poll() -> None:
    device = Device("h", dialect="whatsminer_v2")
    joined = ("summary", "devs", "pools")
    assert _commands(device) == [joined, ("status",), ("get_error_code",)]
    device.polls = 1
    assert _commands(device) == [joined, ("status",)]
    device.unsupported = {"status", "get_error_code"}
    device.polls = 10
    assert _commands(device) == [joined]
    device.forget()
    assert (device.polls, device.unsupported) == (0, set())


# -- Antminer -----------------------------------------------------------------------------------------


def _s9_stats() -> dict[str, Any]:
    row: dict[str, Any] = {
        "STATS": 0,
        "ID": "BC50",
        "Elapsed": 9000,
        "GHS 5s": "13709.27",
        "GHS av": 13681.36,
    }
    row |= {"miner_count": 3, "frequency": "656", "fan_num": 2, "temp_num": 3, "total_rateideal": "13800"}
    row |= {f"fan{index}": 0 for index in range(1, 9)} | {"fan3": 4200, "fan6": 6000}
    for index in range(1, 17):
        row |= {f"temp{index}": 0, f"temp2_{index}": 0, f"chain_acn{index}": 0, f"chain_rate{index}": ""}
    for index, rate in ((6, "4524.28"), (7, "4679.16"), (8, "4505.83")):
        row |= {f"temp{index}": 55 + index, f"temp2_{index}": 70 + index}
        row |= {f"chain_acn{index}": 63, f"chain_rate{index}": rate}
    return row


def test_antminer_s9_with_its_own_index_base() -> None:
    software = {
        "BMMiner": "2.0.0",
        "Miner": "16.8.1.3",
        "CompileTime": "Fri Nov 17 2017",
        "Type": "Antminer S9",
    }
    reading = ANTMINER.parse(reply("stats", software, _s9_stats()))
    assert [board.index for board in reading.boards] == [6, 7, 8]
    assert [board.hashrate_ths for board in reading.boards] == pytest.approx([4.52428, 4.67916, 4.50583])
    assert [board.temp_board_c for board in reading.boards] == [61, 62, 63]
    assert [board.temp_chip_c for board in reading.boards] == [76, 77, 78]
    assert reading.fans_rpm == (4200, 6000)
    assert (reading.hashrate_short_ths, reading.hashrate_short_window_s) == (near(13.70927), 5)
    assert (reading.hashrate_long_ths, reading.hashrate_long_window_s) == (near(13.68136), None)
    assert reading.hashrate_nominal_ths == 13.8
    assert (reading.model_name, reading.firmware, reading.uptime_s) == (
        "Antminer S9",
        "Fri Nov 17 2017",
        9000,
    )
    assert reading.mode is Mode.MINING


def test_antminer_s9_with_a_standing_fan() -> None:
    row = _s9_stats() | {"fan6": 0}
    assert ANTMINER.parse(reply("stats", {}, row)).fans_rpm == (4200, 0)


def test_antminer_with_a_dead_board() -> None:
    row = {"GHS 5s": 74000, "total_rateideal": 110000, "chain_acn1": 0, "chain_rate1": "", "chain_acn2": 114}
    row |= {"chain_rate2": "0.00", "chain_acn3": 88, "chain_rate3": "37000", "temp_chip2": "0-0-0-0"}
    reading = ANTMINER.parse(reply("stats", row))
    assert [(board.index, board.hashrate_ths, board.chips) for board in reading.boards] == [
        (2, 0.0, 114),
        (3, 37.0, 88),
    ]
    assert reading.boards[0].temp_chip_c is None


def test_antminer_stats_in_one_object_and_a_strange_one_first() -> None:
    row = {
        "Type": "Antminer S17",
        "CompileTime": "t",
        "GHS 5s": 50000,
        "chain_acn1": 48,
        "chain_rate1": "50000",
    }
    assert ANTMINER.parse(reply("stats", row)).model_name == "Antminer S17"
    both = ANTMINER.parse(reply("stats", {"Type": "Antminer S17"}, {"ID": "POOL0"}, row))
    assert (len(both.boards), both.hashrate_short_ths) == (1, 50.0)


def test_antminer_honours_rate_unit() -> None:
    row = {"fan_num": 0, "rate_unit": "MH/s", "total_rateideal": 9500, "rate_30m": 9400, "chain_acn1": 1}
    row |= {"chain_rate1": "9400", "chain_rate2": "1"}
    reading = ANTMINER.parse(reply("stats", row))
    assert reading.hashrate_nominal_ths == pytest.approx(0.0095)
    assert (reading.hashrate_long_ths, reading.hashrate_long_window_s) == (near(0.0094), 1800)
    assert reading.boards[0].hashrate_ths == pytest.approx(0.0094)


def test_antminer_empty_lists_prove_nothing() -> None:
    reading = ANTMINER.parse(reply("summary") | reply("stats") | reply("pools"))
    assert reading == Reading()
    assert reading.mode is Mode.UNKNOWN


def test_antminer_starting_and_asleep() -> None:
    assert ANTMINER.parse(reply("summary", {"Elapsed": 40, "GHS 5s": 0})).mode is Mode.STARTING
    assert ANTMINER.parse(reply("summary", {"Elapsed": 4000, "GHS 5s": "0"})).mode is Mode.UNKNOWN
    asleep = reply("stats", {"rate_5s": 0, "elapsed": 50, "miner-mode": 1, "chain": []})
    assert ANTMINER.parse(asleep).mode is Mode.SLEEPING


def test_antminer_implausible_rate_is_dropped() -> None:
    found = reply("summary", {"GHS 5s": 110e6, "GHS av": 111e3}) | reply("stats", {"total_rateideal": 110e3})
    reading = ANTMINER.parse(found, Repair.MISSING_COMMA)
    assert (reading.hashrate_short_ths, reading.hashrate_long_ths) == (None, 111.0)
    assert reading.repairs == Repair.MISSING_COMMA | Repair.IMPLAUSIBLE
    assert reading.mode is Mode.UNKNOWN


def test_failed_sections_leave_fields_unknown() -> None:
    found = reply("summary", {"GHS 5s": 5000}) | reply("stats", {"GHS 5s": 9}, status="E", code=45)
    reading = ANTMINER.parse(found)
    assert reading.hashrate_short_ths == 5.0
    assert (reading.boards, reading.fans_rpm, reading.pools) == ((), (), ())


# -- Whatsminer ---------------------------------------------------------------------------------------

SUMMARY = {
    "Elapsed": 25000,
    "HS RT": 124500000.0,
    "MHS av": 125000000.0,
    "Factory GHS": 126000,
    "Power": 3200,
}


def _whatsminer(status: object = None, codes: object = None, **summary: object) -> Reading:
    found = reply("summary", SUMMARY | summary)
    if status is not None:
        found |= flat("status", status)
    if codes is not None:
        found |= flat("get_error_code", {"error_code": codes})
    return WHATSMINER.parse(found)


@pytest.mark.parametrize(
    ("status", "mode"),
    [
        ({"mineroff": "false"}, Mode.MINING),
        ({"btmineroff": "false"}, Mode.MINING),
        ({"btmineroff": False}, Mode.MINING),
        ({"mineroff": "true"}, Mode.SLEEPING),
        ({"btmineroff": True}, Mode.SLEEPING),
        ({"other": 1}, Mode.UNKNOWN),
        (None, Mode.UNKNOWN),
    ],
)
def test_whatsminer_mode(status: object, mode: Mode) -> None:
    assert _whatsminer(status).mode is mode


def test_whatsminer_short_window_is_evidence_of_its_own() -> None:
    reading = _whatsminer(**{"MHS 5s": 120000000})
    assert (reading.mode, reading.hashrate_short_ths, reading.hashrate_short_window_s) == (
        Mode.MINING,
        120.0,
        5,
    )
    assert (reading.hashrate_long_ths, reading.hashrate_long_window_s) == (124.5, 300)


def test_whatsminer_asleep_without_a_summary() -> None:
    found = reply("summary", status="E", code=14) | flat("status", {"mineroff": "true"})
    assert WHATSMINER.parse(found).mode is Mode.SLEEPING


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], ()),
        (["111", "329"], ("111", "329")),
        ([{"111": "2023-01-01", "112": "x"}, {"reason": "r"}], ("111", "112")),
        ([5, None, {}, "111", "111"], ("5", "111")),
        ("nonsense", ()),
        ([{str(code): "t" for code in range(500)}], tuple(str(code) for code in range(64))),
    ],
)
def test_whatsminer_error_codes(codes: object, expected: tuple[str, ...]) -> None:
    assert _whatsminer({"mineroff": "false"}, codes).error_codes == expected


def test_whatsminer_error_mode_and_api_1_codes() -> None:
    stopped = {"HS RT": 0, "MHS av": 0, "Error Code Count": 2, "Error Code 0": 531, "Error Code 1": "540"}
    reading = _whatsminer({"btmineroff": "false"}, **stopped)
    assert (reading.mode, reading.error_codes) == (Mode.ERROR, ("531", "540"))


def test_whatsminer_unknown_power_is_none() -> None:
    reading = _whatsminer(Power=-1, **{"Power Limit": "3300"})
    assert (reading.power_w, reading.power_source, reading.power_limit_w) == (None, PowerSource.NONE, 3300.0)


def test_whatsminer_factory_of_zero_is_unknown() -> None:
    assert _whatsminer(**{"Factory GHS": 0}).hashrate_nominal_ths is None


def test_whatsminer_error_list_from_the_wire() -> None:
    errors = b'["111":"2023-01-01 00:00:00",]'
    raw = b'{"STATUS":"S","When":1,"Code":131,"Msg":{"error_code":' + errors + b'},"Description":""}'
    document, flags = decode(raw)
    found = reply("summary", SUMMARY) | sections(document, "get_error_code")
    reading = WHATSMINER.parse(found, flags)
    assert reading.error_codes == ("111",)
    assert reading.repairs == Repair.ERROR_LIST | Repair.TRAILING_COMMA


# -- Avalon -------------------------------------------------------------------------------------------

MODULE = (
    "Ver[15-194-24102401] DNA[0201000000000001] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] Elapsed[975] "
    "Temp[31] TMax[78] TAvg[70] Fan1[4275] Fan2[4282] FanR[49%] PS[0 1209 1187 297 3526 1188 3731] "
    "WALLPOWER[3731] GHSspd[199241.07] GHSmm[201920.42] GHSavg[184007.00] "
    "MGHS[59459.52 61407.83 63139.66] MTmax[77 78 77] TA[480] SoftOFF[0] PVT_T0[ 66  65  0] MPO[3515]"
)
VERSION = {
    "PROD": "AvalonMiner 15-194",
    "MODEL": "15-194",
    "MAC": "b4a2eb000001",
    "DNA": "0201000000000001",
}


def _avalon(module: str, **summary: object) -> Reading:
    found = reply("stats", {"MM ID0": module}) | reply("version", VERSION)
    return AVALON.parse(found | reply("summary", summary) if summary else found)


def test_avalon_with_a_wall_meter() -> None:
    reading = _avalon(MODULE, Elapsed=975, **{"MHS 5s": 198e6, "MHS 5m": 197.3e6, "MHS av": 184e6})
    assert (reading.power_w, reading.power_source, reading.power_limit_w) == (
        3731.0,
        PowerSource.MEASURED,
        3515.0,
    )
    assert (reading.hashrate_short_ths, reading.hashrate_short_window_s) == (198.0, 5)
    assert (reading.hashrate_long_ths, reading.hashrate_long_window_s) == (near(197.3), 300)
    assert [board.hashrate_ths for board in reading.boards] == pytest.approx([59.45952, 61.40783, 63.13966])
    assert [board.chips for board in reading.boards] == [2, None, None]
    assert [board.chips_expected for board in reading.boards] == [160, 160, 160]
    assert (reading.mac, reading.serial) == ("b4:a2:eb:00:00:01", "0201000000000001")
    assert identity_of(reading) == MacIdentity(
        mac="b4:a2:eb:00:00:01",
        serial="0201000000000001",
        firmware="15-194-24102401",
        model_name="AvalonMiner 15-194",
    )
    assert reading.mode is Mode.MINING


def test_avalon_power_falls_back_to_the_supply_and_never_to_the_set_point() -> None:
    supply = _avalon(MODULE.replace("WALLPOWER[3731] ", ""))
    assert (supply.power_w, supply.power_source) == (3526.0, PowerSource.PSU)
    neither = _avalon(MODULE.replace("WALLPOWER[3731] ", "").replace("PS[", "XX["))
    assert (neither.power_w, neither.power_source, neither.power_limit_w) == (None, PowerSource.NONE, 3515.0)


def test_avalon_asleep_outranks_its_averages() -> None:
    assert _avalon(MODULE.replace("SoftOFF[0]", "SoftOFF[1]")).mode is Mode.SLEEPING


def test_avalon_broken_module_string() -> None:
    for module in ("", "[[[[", "]]]]", "GHSmm[", "MGHS[nan inf x]", "PS[1 2]", "Fan1[x]", "A[1]" * 100_000):
        reading = _avalon(module)
        assert reading.mac == "b4:a2:eb:00:00:01"
        assert reading.power_w is None


def test_parse_brackets() -> None:
    assert parse_brackets("'STATS':{Ver[Q-1] PS[0 1] Nonce Mask[25]}") == {
        "Ver": "Q-1",
        "PS": "0 1",
        "Nonce Mask": "25",
    }
    assert parse_brackets(None) == {}
    assert parse_brackets({"a": 1}) == {}


# -- all ----------------------------------------------------------------------------------------------


def test_a_reading_without_mac_has_no_identity() -> None:
    assert identity_of(Reading(firmware="x")) is None


def test_hostile_names_are_plain_bounded_text() -> None:
    pool = {"POOL": 10**9, "URL": "u" * 9000, "User": "<script>alert(1)</script>\0\x1b", "Status": ["Alive"]}
    reading = CGMINER.parse(reply("pools", pool, *({} for _ in range(5000))))
    assert len(reading.pools) == 16
    assert reading.pools[0].user == "<script>alert(1)</script>"
    assert len(reading.pools[0].url) == 255
    assert (reading.pools[0].index, reading.pools[0].alive) == (0, None)


FIELDS = [
    *(
        "Elapsed",
        "GHS 5s",
        "MHS 5s",
        "MHS av",
        "GHS av",
        "HS RT",
        "Factory GHS",
        "Power",
        "Power Limit",
        "MAC",
    ),
    *("fan1", "fan", "fan_num", "chain", "chain_rate1", "chain_acn1", "temp_chip1", "temp_pcb1", "rate_unit"),
    *(
        "total_rateideal",
        "Type",
        "MM ID0",
        "MM ID0:Summary",
        "HBinfo",
        "Error Code Count",
        "Error Code 0",
        "Slot",
    ),
    *(
        "error_code",
        "mineroff",
        "POOL",
        "URL",
        "Status",
        "Accepted",
        "Chip Temp Max",
        "PROD",
        "DNA",
        "miner-mode",
    ),
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["1-2", MODULE]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)
    ),
    max_leaves=6,
)
BODIES = st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6), max_size=3)
COMMANDS = st.sampled_from(
    ["summary", "stats", "estats", "devs", "pools", "version", "status", "get_error_code"]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(COMMANDS, BODIES, max_size=5))
def test_parsers_never_raise(bodies: Mapping[str, list[dict[str, Any]]]) -> None:
    found = {command: Section(True, 11, "", body) for command, body in bodies.items()}
    for dialect in dialects.DIALECTS.values():
        reading = dialect.parse(found)
        assert reading.power_source is PowerSource.NONE or reading.power_w is not None
        json.dumps([reading.hashrate_short_ths, reading.hashrate_long_ths, reading.power_w], allow_nan=False)
