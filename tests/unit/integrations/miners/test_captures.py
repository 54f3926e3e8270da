"""Every captured reply decodes, or is refused for its known reason; figures match what the index expects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hashinsight.integrations.miners import dialects
from hashinsight.integrations.miners.decode import decode, sections
from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.identify import recognise
from hashinsight.integrations.miners.readings import MissCause, Mode, PowerSource, Reading, Repair
from hashinsight.integrations.miners.units import mac
from tests.unit.integrations.miners import samples

pytestmark = samples.needs_captures

ALL = [item["id"] for item in samples.index()]
S19 = "asicrs-antminer-v2020-s19pro-antminer"
M20 = "asicrs-whatsminer-v1-m20sv10-whatsminer-v1-data-parsers"
M50 = "asicrs-whatsminer-v2-m50svh50-whatsminer-v2-data-parsers"
AVALON = "asicrs-avalonminer-fixture"
CGMINER = "cgminer-4.11.1-real"

REFUSED = {
    "quirk__empty": MissCause.EMPTY,
    "quirk__http-on-4028": MissCause.WRONG_PROTOCOL,
    "quirk__truncated": MissCause.TRUNCATED,
    "mos-antminer-s21__miner-power": MissCause.UNDECODABLE,  # plain text of port 6060
}
REPAIRED = {
    "quirk__control-bytes": Repair.CONTROL_BYTES,
    "quirk__inf-nan-bare": Repair.NON_FINITE,
    "quirk__invalid-utf8-latin1": Repair.BAD_UTF8,
    "quirk__missing-comma-objects": Repair.MISSING_COMMA,
    "quirk__newline-in-string": Repair.CONTROL_BYTES,
    "quirk__sgminer-bye": Repair.BARE_BYE,
    "quirk__starts-with-comma": Repair.LEADING_COMMA,
    "quirk__trailing-comma": Repair.TRAILING_COMMA,
    "asicrs-volcminer-inline__stats": Repair.MISSING_COMMA,
    "cgminer-4.11.1-real__bad-json": Repair.DOUBLED,
    "cgminer-4.11.1-real__text-summary": Repair.TEXT_PROTOCOL,
    "cgminer-4.11.1-real__text-version-pools": Repair.TEXT_PROTOCOL,
}


def test_all_140_are_here() -> None:
    assert len(ALL) == 140


@pytest.mark.parametrize("name", ALL)
def test_decodes_or_is_refused_for_its_reason(name: str) -> None:
    raw = samples.raw(name)
    cause = REFUSED.get(name)
    if cause is None and isinstance(_plain(raw), list | bool):
        cause = MissCause.UNDECODABLE  # no object at the top: web pages of other dialects
    if cause is not None:
        with pytest.raises(MinerError) as refused:
            decode(raw)
        assert refused.value.cause is cause
        return
    reply, repairs = decode(raw)
    assert repairs == REPAIRED.get(name, Repair.NONE)
    expected = samples.entry(name)["expected"]
    for pointer, value in expected.items():
        if pointer.startswith("/"):
            assert _at(reply, pointer) == value


def _plain(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _at(reply: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        reply = reply[int(step)] if isinstance(reply, list) else reply[step]
    return reply


WITH_CODE = [name for name in ALL if "code" in samples.entry(name)["expected"]]


@pytest.mark.parametrize("name", WITH_CODE)
def test_status_and_code_are_as_indexed(name: str) -> None:
    expected = samples.entry(name)["expected"]
    (section,) = sections(decode(samples.raw(name))[0], "any").values()
    assert section.code == expected["code"]
    assert section.ok is (expected["status"] in "SI")


def test_no_capture_makes_a_parser_raise() -> None:
    parsed = 0
    for name in ALL:
        if name in REFUSED:
            continue
        try:
            reply, repairs = decode(samples.raw(name))
        except MinerError:
            continue
        for dialect in dialects.DIALECTS.values():
            for command in ("summary", "stats", "devs", "pools", "version", "status", "get_error_code"):
                assert isinstance(dialect.parse(sections(reply, command), repairs), Reading)
                parsed += 1
    assert parsed >= 28 * 100


def test_joined_members_fail_alone() -> None:
    found = sections(decode(samples.raw(f"{CGMINER}__join-with-invalid"))[0])
    assert {name: (section.ok, section.code) for name, section in found.items()} == {
        "version": (True, 22),
        "nosuch": (False, 14),
        "switchpool": (False, 45),
    }


def test_avalon_information_status_is_success() -> None:
    for suffix in ("ascset-softoff", "ascset-softon", "ascset-help"):
        (section,) = sections(decode(samples.raw(f"{AVALON}__{suffix}"))[0], "ascset").values()
        assert (section.ok, section.code) == (True, 118)


def test_antminer_s19() -> None:
    found = samples.replies(S19, summary="summary", stats="stats", pools="pools")
    reading = dialects.get("antminer").parse(found)
    assert (reading.hashrate_short_ths, reading.hashrate_short_window_s) == (samples.near(110.56689), 5)
    assert (reading.hashrate_long_ths, reading.hashrate_long_window_s) == (samples.near(111.87826), 1800)
    assert reading.hashrate_nominal_ths == 110.0
    assert reading.fans_rpm == (6000, 5880, 5040, 5040)
    assert [board.index for board in reading.boards] == [1, 2, 3]
    assert [board.hashrate_ths for board in reading.boards] == pytest.approx([37.6033, 35.53622, 37.42738])
    assert [board.chips for board in reading.boards] == [114, 114, 114]
    assert [board.temp_board_c for board in reading.boards] == [73, 66, 64]
    assert [board.temp_chip_c for board in reading.boards] == [78, 71, 69]
    assert reading.temp_board_max_c == 73
    assert reading.temp_chip_max_c == 78
    assert reading.temp_chip_avg_c == pytest.approx(
        (78 + 50 + 69 + 70 + 52 + 55 + 70 + 71 + 51 + 49 + 69 + 68) / 12
    )
    assert (reading.power_w, reading.power_source) == (None, PowerSource.NONE)
    assert (reading.accepted, reading.rejected, reading.stale, reading.hw_errors) == (4057, 11, 1, 562)
    assert reading.mode is Mode.MINING
    assert reading.uptime_s == 50474
    assert reading.mac is None
    assert (reading.model_name, reading.firmware) == ("Antminer S19 Pro", "Tue Dec  6 16:12:30 CST 2022")
    assert [(pool.index, pool.alive, pool.active) for pool in reading.pools] == [
        (0, True, True),
        (1, True, False),
        (2, True, False),
    ]


def test_antminer_web_layout_with_an_absurd_rate() -> None:
    found = samples.replies("mos-antminer-s21", stats="cgi-bin-stats-cgi")
    reading = dialects.get("antminer").parse(found)
    assert reading.hashrate_nominal_ths == 257.0
    # 295,811,008 "GH/s" is 295,811 TH/s: dropped, flagged, and no evidence of mining.
    assert (reading.hashrate_short_ths, reading.hashrate_long_ths) == (None, None)
    assert reading.repairs == Repair.IMPLAUSIBLE
    assert reading.mode is Mode.UNKNOWN
    assert [board.hashrate_ths for board in reading.boards] == pytest.approx([86.54656, 86.62106, 86.56649])
    assert [board.serial for board in reading.boards] == ["PIEMYPHBCJACJ0A23"] * 3
    assert reading.fans_rpm == (0, 0, 0, 0)
    assert reading.boards[0].temp_board_c == pytest.approx(131.42)


def test_whatsminer_v2() -> None:
    found = samples.replies(
        M50, summary="summary", devs="devs", pools="pools", status="status", get_error_code="get-error-code"
    )
    expected = samples.entry(f"{M50}__summary")["expected"]
    reading = dialects.get("whatsminer_v2").parse(found)
    assert reading.hashrate_short_ths == reading.hashrate_long_ths == expected["hashrate_ths"]
    assert reading.hashrate_short_window_s == reading.hashrate_long_window_s == 300
    assert reading.hashrate_nominal_ths == expected["expected_hashrate_ths"]
    assert (reading.power_w, reading.power_source) == (expected["power_w"], PowerSource.PSU)
    assert reading.power_limit_w == expected["power_target_w"]
    assert reading.uptime_s == expected["uptime_s"]
    assert reading.mac == mac(expected["mac"]) == "d4:01:02:03:04:05"
    assert len(reading.fans_rpm) == expected["fan_count"]
    assert len(reading.pools) == expected["pool_count"]
    assert reading.mode is Mode.MINING
    assert reading.error_codes == ()
    assert (reading.temp_inlet_c, reading.temp_chip_max_c, reading.temp_board_max_c) == (28.5, 81.0, 67.0)
    assert [board.hashrate_ths for board in reading.boards] == [41.5, 41.8, 41.7]
    assert [board.chips for board in reading.boards] == [135, 135, 135]
    assert reading.boards[2].serial == "BHM5CSD1302803K30003"


def test_whatsminer_v2_without_status_is_not_called_mining() -> None:
    found = samples.replies(M50, summary="summary", devs="devs", pools="pools")
    assert dialects.get("whatsminer_v2").parse(found).mode is Mode.UNKNOWN


def test_whatsminer_v1() -> None:
    found = samples.replies(M20, summary="summary", devs="devs", pools="pools", status="status")
    expected = samples.entry(f"{M20}__summary")["expected"]
    reading = dialects.get("whatsminer_v2").parse(found)
    assert (reading.hashrate_short_ths, reading.hashrate_short_window_s) == (samples.near(70.66811452), 5)
    assert reading.hashrate_long_ths == pytest.approx(expected["hashrate_ths"])
    assert reading.hashrate_nominal_ths == expected["expected_hashrate_ths"]
    assert reading.power_w == expected["power_w"]
    assert reading.firmware == expected["firmware_version"]
    assert reading.mac == mac(expected["mac"])
    assert reading.uptime_s == expected["uptime_s"]
    assert reading.mode is Mode.MINING
    assert reading.boards[0].hashrate_ths == pytest.approx(22.10378984)


def test_avalon_a_series() -> None:
    expected = samples.entry("asicrs-avalonminer-avalon1246-avalon-a__stats")["expected"]
    reading = dialects.get("avalon").parse(samples.replies(AVALON, stats="avalon-a-stats"))
    assert reading.uptime_s == expected["uptime_s"]
    assert reading.serial == expected["serial_number"]
    assert reading.hashrate_nominal_ths == pytest.approx(expected["expected_hashrate_ths"])
    assert (reading.power_w, reading.power_source) == (expected["power_w"], PowerSource.PSU)
    assert reading.power_limit_w == 3200
    assert reading.fans_rpm == (5344, 5392, 5349, 5309)
    assert [board.chips for board in reading.boards] == [120, 120, 120]
    assert [board.chips_expected for board in reading.boards] == [120, 120, 120]
    assert [board.temp_chip_c for board in reading.boards] == [77, 77, 76]
    assert reading.temp_chip_avg_c == expected["average_temperature"]
    assert (reading.hashrate_long_ths, reading.hashrate_long_window_s) == (samples.near(79.65663), None)
    assert reading.mode is Mode.MINING
    assert reading.firmware == "1246-83-21072802_4ec6bb0_211fc46"


def test_avalon_home_asleep() -> None:
    group = "asicrs-avalonminer-avalonhomeq-avalon-home-q"
    expected = samples.entry(f"{group}__stats")["expected"]
    found = samples.replies(AVALON, summary="summary", stats="stats")
    found |= samples.replies(group, pools="pools", version="version")
    reading = dialects.get("avalon").parse(found)
    assert reading.mode is Mode.SLEEPING
    assert (reading.hashrate_short_ths, reading.hashrate_short_window_s) == (0.0, 5)
    assert (reading.power_w, reading.power_source) == (0.0, PowerSource.PSU)
    assert reading.power_limit_w == expected["power_target_w"]
    assert len(reading.fans_rpm) == expected["fan_count"]
    assert reading.boards[0].chips == expected["hashboards[0].chips.len"]
    assert reading.mac == "aa:bb:cc:dd:ee:ff"
    assert reading.model_name == "Avalon Q"
    assert reading.temp_inlet_c == 26


def test_avalon_litestats_layout() -> None:
    reading = dialects.get("avalon").parse(samples.replies(AVALON, litestats="litestats"))
    assert reading.mode is Mode.SLEEPING
    assert reading.uptime_s == 37977


def test_generic_cgminer() -> None:
    found = samples.replies(CGMINER, summary="summary", pools="pools", devs="devs")
    reading = dialects.get("cgminer").parse(found)
    assert (reading.hashrate_short_ths, reading.hashrate_short_window_s) == (0.0, 1)
    assert (reading.hashrate_long_ths, reading.hashrate_long_window_s) == (0.0, 300)
    assert reading.mode is Mode.STARTING
    assert (len(reading.pools), reading.pools[0].alive, reading.pools[0].active) == (1, True, True)
    assert reading.boards == ()
    assert reading.uptime_s == 6


def test_text_protocol_reads_the_same_as_json() -> None:
    dialect = dialects.get("cgminer")
    as_text = samples.replies(CGMINER, summary="text-summary")
    as_json = samples.replies(CGMINER, summary="summary")
    assert dialect.parse(as_text) == dialect.parse(as_json)
    joined = sections(decode(samples.raw(f"{CGMINER}__text-version-pools"))[0])
    reading = dialect.parse(joined)
    assert [(pool.url, pool.user, pool.active) for pool in reading.pools] == [
        ("stratum+tcp://127.0.0.1:3333", "test.worker1", True)
    ]


@pytest.mark.parametrize(
    ("group", "suffix", "make", "dialect"),
    [
        (S19, "version", "Bitmain", "antminer"),
        ("asicrs-avalonminer-avalonhomeq-avalon-home-q", "version", "Canaan", "avalon"),
        (CGMINER, "version", None, "cgminer"),
        ("asicrs-luxminer-v1-s19kpro-luxminer-v1", "version", "Bitmain", None),
        (M50, "get-version", "MicroBT", "whatsminer_v2"),
    ],
)
def test_recognised_by_version(group: str, suffix: str, make: str | None, dialect: str | None) -> None:
    found = recognise(sections(decode(samples.raw(f"{group}__{suffix}"))[0], "version")["version"])
    assert found is not None
    assert (found.make, found.dialect) == (make, dialect)
