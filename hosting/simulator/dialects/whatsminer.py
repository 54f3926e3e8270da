"""Whatsminer API v2 (btminer) on port 4028: plain reads. Writes are locked, as they are out of the box."""

from __future__ import annotations

from datetime import UTC, datetime

from hosting.simulator import view as v
from hosting.simulator.card import POOL_URLS, Card
from hosting.simulator.dialects.base import Dialect, fields, status
from hosting.simulator.models import BOARDS
from hosting.simulator.physics import ERROR, MINING, SLEEPING
from hosting.simulator.view import Row
from hosting.simulator.wire import Request

DESCRIPTION = "cgminer 4.9.2"
API_VERSION = "2.0.5"
DIFFICULTY = 524_288
PCB_BELOW_CHIP_C = 14

_SUMMARY = fields(
    """
    Elapsed=%d; MHS av=%.2f; MHS 5s=%.2f; MHS 1m=%.2f; MHS 5m=%.2f; MHS 15m=%.2f; HS RT=%.2f; Found Blocks=0;
    Getworks=%d; Accepted=%d; Rejected=%d; Hardware Errors=%d; Utility=%.2f; Discarded=%d; Stale=%d;
    Get Failures=0; Local Work=%d; Remote Failures=0; Network Blocks=%d; Total MH=%.4f; Work Utility=%.2f;
    Difficulty Accepted=%D; Difficulty Rejected=%D; Difficulty Stale=%D; Best Share=%d; Temperature=%.2f;
    freq_avg=%d; Fan Speed In=%d; Fan Speed Out=%d; Voltage=%d; Power=%d; Power_RT=%d;
    Device Hardware%=0.0000; Device Rejected%=0.0000; Pool Rejected%=%.4f; Pool Stale%=%.4f; Last getwork=%d;
    Uptime=%d; Power Current=%d; Power Fanspeed=%d; Error Code Count=%d%s; Factory Error Code Count=0;
    Security Mode=0; Liquid Cooling=false; Hash Stable=%s; Hash Stable Cost Seconds=617;
    Hash Deviation%=0.1061; Target Freq=%d; Target MHS=%d; Env Temp=%.2f; Power Mode="Normal";
    Factory GHS=%d; Power Limit=%d;
    Chip Temp Min=%.2f; Chip Temp Max=%.2f; Chip Temp Avg=%.2f; Chip Data="K88Z347-2039   BINV04-195202C";
    MAC="%s"; Firmware Version="'%s'"; CB Platform="ALLWINNER_H616"; CB Version="V1"; Debug="-0.0_100.0_354";
    Btminer Fast Boot="disable"
    """
)
_DEV = fields(
    """
    ASC=%d; Name="SM"; ID=%d; Slot=%d; Enabled="Y"; Status="Alive"; Temperature=%.2f; Chip Frequency=%d;
    MHS av=%.2f; MHS 5s=%.2f; MHS 1m=%.2f; MHS 5m=%.2f; MHS 15m=%.2f; HS RT=%.2f; HS Factory=%d; Accepted=%d;
    Rejected=%d; Hardware Errors=%d; Utility=%.2f; Last Share Pool=0; Last Share Time=%d; Total MH=%.4f;
    Diff1 Work=%d; Difficulty Accepted=%D; Difficulty Rejected=0.00000000; Last Share Difficulty=%D;
    Last Valid Work=%d; Device Hardware%=0.0000; Device Rejected%=0.0000; Device Elapsed=%d;
    Upfreq Complete=%d; Effective Chips=%d; PCB SN="%s"; Chip Data="K88Z347-2039   BINV04-195202C";
    Factory GHS=%d; Chip Temp Min=%.2f; Chip Temp Max=%.2f; Chip Temp Avg=%.2f; chip_vol_diff=9
    """
)
_POOL = fields(
    """
    POOL=%d; URL="%s"; Status="Alive"; Priority=%d; Quota=1; Long Poll="N"; Getworks=%d; Accepted=%d;
    Rejected=%d; Works=%d; Discarded=%d; Stale=%d; Get Failures=0; Remote Failures=0; User="%s";
    Last Share Time=%d; Diff1 Shares=%d; Proxy Type=""; Proxy=""; Difficulty Accepted=%D;
    Difficulty Rejected=%D; Difficulty Stale=0.00000000; Last Share Difficulty=%D; Work Difficulty=%D;
    Has Stratum=1; Stratum Active=%s; Stratum URL="%s"; Stratum Difficulty=%D; Best Share=%d;
    Pool Rejected%=%.4f; Pool Stale%=%.4f; Bad Work=0; Current Block Height=0; Current Block Version=536870916
    """
)


def error_codes(card: Card, row: Row) -> list[int]:
    """The firmware's codes: PSU 206, intake fan 110, exhaust fan 111, board n lost 530+n."""
    switches = card.switches
    codes = [206] if switches.psu_fault else []
    codes += [110 + fan for fan in switches.fans_dead if fan < 2]
    return codes + [530 + board for board in switches.boards_dead]


def _chip_c(row: Row) -> list[float]:
    return [row[v.BOARD_CHIP_C + b] for b in range(BOARDS)]


def _frequency(card: Card) -> int:
    return 480 + card.model.chips % 200


def summary(card: Card, row: Row, when: int) -> str:
    """`summary`: MH/s windows (`HS RT` is the 5 min one; `Factory GHS` GH/s), power in W at the wall."""
    elapsed, accepted, rejected, stale = row[v.ELAPSED], row[v.ACCEPTED], row[v.REJECTED], row[v.STALE]
    tried, chips, frequency = max(accepted + rejected + stale, 1), _chip_c(row), _frequency(card)
    hot, average = max(chips), sum(chips) / BOARDS - 4
    codes = error_codes(card, row)
    listed = "".join(f',"Error Code {n}":{code}' for n, code in enumerate(codes))
    power = round(row[v.POWER])
    ths = card.model.ths
    body = _SUMMARY % (
        elapsed, row[v.THS_AV] * 1e6, row[v.THS_5S] * 1e6, row[v.THS_1M] * 1e6, row[v.THS_5M] * 1e6,
        row[v.THS_15M] * 1e6, row[v.THS_5M] * 1e6, elapsed // 30, accepted, rejected, row[v.HW],
        accepted * 60 / max(elapsed, 1), elapsed * 60, stale, elapsed * 7_844, elapsed // 600,
        row[v.TOTAL_TH] * 1e6, row[v.THS_AV] * 13_970, accepted * DIFFICULTY, rejected * DIFFICULTY,
        stale * DIFFICULTY, accepted * 1_170_319, hot - PCB_BELOW_CHIP_C, frequency if power > 200 else 0,
        row[v.FAN_RPM], row[v.FAN_RPM + 1], 1180, power, power, rejected * 100 / tried, stale * 100 / tried,
        when, elapsed + 64, power // 13, 9060, len(codes), listed,
        "true" if row[v.MODE] == MINING else "false",
        frequency, ths * 1e6, row[v.INLET], ths * 1000, card.model.watts * 1.04,
        min(chips) - 12, hot, average, card.mac.upper(), card.firmware,
    )  # fmt: skip
    return f'{{{status("S", when, 11, "Summary", DESCRIPTION)},"SUMMARY":[{{{body}}}],"id":1}}'


def devs(card: Card, row: Row, when: int) -> str:
    """`devs` and `edevs`: one entry per board that is there."""
    out: list[str] = []
    elapsed, frequency = row[v.ELAPSED], _frequency(card)
    for board in range(BOARDS):
        share = row[v.BOARD_SHARE + board]
        if share == 0:
            continue
        hot, mhs, accepted = row[v.BOARD_CHIP_C + board], share * 1e6, int(row[v.ACCEPTED] * share)
        factory = card.model.ths * 1000 / BOARDS
        out.append(
            _DEV % (
                len(out), board, board, hot - PCB_BELOW_CHIP_C, frequency, row[v.THS_AV] * mhs,
                row[v.THS_5S] * mhs, row[v.THS_1M] * mhs, row[v.THS_5M] * mhs, row[v.THS_15M] * mhs,
                row[v.THS_5M] * mhs, factory, accepted, 0, row[v.HW] * share, accepted * 60 / max(elapsed, 1),
                when - 4, row[v.TOTAL_TH] * mhs, accepted * 263, accepted * DIFFICULTY, DIFFICULTY, when,
                elapsed, 1 if row[v.MODE] == MINING else 0, card.model.chips,
                f"HH{card.serial[3:]}{board:02d}", factory, hot - 12, hot, hot - 5,
            )
        )  # fmt: skip
    head = status("S", when, 9, f"{len(out)} ASC(s)", DESCRIPTION)
    items = "{" + "},{".join(out) + "}" if out else ""
    return f'{{{head},"DEVS":[{items}],"id":1}}'


def pools(card: Card, row: Row, when: int) -> str:
    """`pools`: numbered from 1, the first active."""
    accepted, rejected, stale = row[v.ACCEPTED], row[v.REJECTED], row[v.STALE]
    tried, mining = max(accepted + rejected + stale, 1), row[v.MODE] == MINING
    host = POOL_URLS[0].split("/")[2].split(":")[0]
    out: list[str] = []
    for n, url in enumerate(POOL_URLS):
        used = (accepted, rejected, stale) if n == 0 else (0, 0, 0)
        active = n == 0 and mining
        out.append(
            _POOL % (
                n + 1, url, n, 3, used[0], used[1], used[0] * 71, 0, used[2], card.worker,
                when - 3 if n == 0 else 0, used[0] * 263, used[0] * DIFFICULTY, used[1] * DIFFICULTY,
                DIFFICULTY, DIFFICULTY, "true" if active else "false", host if active else "", DIFFICULTY,
                used[0] * 1_170_319, used[1] * 100 / tried, used[2] * 100 / tried,
            )
        )  # fmt: skip
    head = status("S", when, 7, "3 Pool(s)", DESCRIPTION)
    return f'{{{head},"POOLS":[{{{"},{".join(out)}}}],"id":1}}'


def devdetails(card: Card, row: Row, when: int) -> str:
    """`devdetails`: driver `bitmicro` and the model are what identifies a Whatsminer."""
    one = '{"DEVDETAILS":%d,"Name":"SM","ID":%d,"Driver":"bitmicro","Kernel":"","Model":"%s"}'
    items = ",".join(one % (b, b, card.model.wire_name) for b in range(BOARDS))
    return f'{{{status("S", when, 69, "Device Details", DESCRIPTION)},"DEVDETAILS":[{items}],"id":1}}'


def _flat(when: int, message: str, letter: str = "S", code: int = 131) -> str:
    return f'{{"STATUS":"{letter}","When":{when},"Code":{code},"Msg":{message},"Description":""}}'


def get_version(card: Card, row: Row, when: int) -> str:
    """`get_version`: firmware and API version, flat."""
    return _flat(
        when, f'{{"api_ver":"{API_VERSION}","fw_ver":"{card.firmware}","platform":"H616","chip":"K88Z"}}'
    )


def get_miner_info(card: Card, row: Row, when: int) -> str:
    """`get_miner_info`: network identity, flat."""
    return _flat(
        when,
        f'{{"ip":"{card.address}","proto":"dhcp","netmask":"255.255.0.0","gateway":"127.0.0.1","dns":"127.0.0.1",'
        f'"hostname":"WhatsMiner","mac":"{card.mac.upper()}","ledstat":"auto","minersn":"{card.serial}",'
        f'"powersn":"PS{card.serial[3:]}"}}',
    )


def get_psu(card: Card, row: Row, when: int) -> str:
    """`get_psu`: the power supply, its input figures as strings, flat."""
    power = row[v.POWER]
    return _flat(
        when,
        '{"name":"P222B","hw_version":"V02.00","sw_version":"230208.220429","model":"P222B",'
        f'"iin":"{power / 0.23:.0f}","vin":"23000","pin":"{power:.0f}","fan_speed":"6000",'
        f'"serial_no":"PS{card.serial[3:]}","vendor":"7","temp0":"{row[v.INLET] + 12:.1f}"}}',
    )


def get_error_code(card: Card, row: Row, when: int) -> str:
    """`get_error_code`: a list of {code: since}, flat."""
    since = datetime.fromtimestamp(max(when - 600, 0), UTC).strftime("%Y-%m-%d %H:%M:%S")
    items = ",".join(f'{{"{code}":"{since}"}}' for code in error_codes(card, row))
    return _flat(when, f'{{"error_code":[{items}]}}')


def get_status(card: Card, row: Row, when: int) -> str:
    """`status`: whether mining is off, flat; `mineroff` is a string."""
    off = "true" if row[v.MODE] == SLEEPING else "false"
    reason = "power_off" if row[v.MODE] == SLEEPING else ("206" if row[v.MODE] == ERROR else "")
    return _flat(
        when,
        f'{{"mineroff":"{off}","mineroff_reason":"{reason}","mineroff_time":"",'
        f'"FirmwareVersion":"{card.firmware}","power_mode":"normal",'
        f'"power_limit_set":"{card.model.watts * 1.04:.0f}","hash_percent":"0"}}',
    )


def _other(card: Card, row: Row, when: int, request: Request) -> str | None:
    """Writes are locked until the site's tool allows them; an unlock attempt gets the same answer."""
    if request.writes:
        return _flat(when, '"can\'t access write cmd"', "E", 45)
    return _flat(when, '"invalid cmd"', "E", 14)


WHATSMINER = Dialect(
    name="whatsminer_v2",
    description=DESCRIPTION,
    sections={
        "summary": summary, "devs": devs, "edevs": devs, "pools": pools, "devdetails": devdetails,
        "get_version": get_version, "get_miner_info": get_miner_info, "get_psu": get_psu,
        "get_error_code": get_error_code, "status": get_status,
    },
    joinable=frozenset({"summary", "devs", "edevs", "pools"}),
    invalid_description=DESCRIPTION,
    other=_other,
)  # fmt: skip
