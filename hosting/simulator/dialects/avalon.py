"""Canaan Avalon: cgminer 4.11.1 whose `stats` carry one string of `KEY[values]`, `MM ID0`."""

from __future__ import annotations

from functools import lru_cache

from hosting.simulator import view as v
from hosting.simulator.card import Card
from hosting.simulator.dialects import cgminer
from hosting.simulator.dialects.base import Dialect, fields, status
from hosting.simulator.models import BOARDS
from hosting.simulator.physics import MINING, SLEEPING
from hosting.simulator.view import Row
from hosting.simulator.wire import Request

DESCRIPTION = cgminer.DESCRIPTION
PS_SHARE = 0.985  # what PS[4] shows of the power at the wall where WALLPOWER is given as well

_MM = (
    "Ver[{model}-{fw}] DNA[%s] MEMFREE[1201472.%d] NETFAIL[0 0 0 0 0 0 0 0] "
    "SYSTEMSTATU[Work: %s, Hash Board: %d ] Elapsed[%d] BOOTBY[0x08.00000000] LW[%d] MH[%d %d %d] HW[%d] "
    "DH[%.3f%%] Temp[%d] TMax[%d] TAvg[%d] %s "
    "FanR[%d%%] Vo[329] PS[0 1214 %d %d %d %d %d] %sPLL0[1796 4524 5435 2165] PLL1[5106 4977 3262 575] "
    "PLL2[2553 5158 4450 1759] GHSspd[%.2f] DHspd[%.3f%%] GHSmm[%.2f] GHSavg[%.2f] WU[%.2f] Freq[%.2f] "
    "Led[0] MGHS[%s] MTmax[%s] MTavg[%s] TA[%d] Core[A3201] PING[%d] POWS[0] HASHS[0 0 0] POOLS[0] "
    "SoftOFF[%d] ECHU[%s] ECMM[0] SF0[472 492 512 532] SF1[472 492 512 532] SF2[472 492 512 532] %s "
    "CRC[0 0 0] POW_I2C[OK] FACOPTS0[] FACOPTS1[] "
    "ATAOPTS0[--avalon10-freq 376:396:416:436 --avalon10-voltage-level 46 ] "
    "ATAOPTS1[--avalon10-freq 472:492:512:532 --avalon10-voltage-level 55 ] ADJ[1] COP[0 0 0] MPO[%d] "
    "MVL[87] ATABD0[472 492 512 532] ATABD1[472 492 512 532] ATABD2[472 492 512 532] WORKMODE[1]"
)
_ITEM = fields(
    """
    STATS=0; ID="AVA100"; Elapsed=%d; Calls=0; Wait=0.000000; Max=0.000000; Min=99999999.000000; MM Count=1;
    Smart Speed=1; Voltage Level Offset=0; Nonce Mask=25; MM ID0="%s"
    """
)
_NO_BOARD = "0"


@lru_cache(maxsize=64)
def _format(model: str, firmware: str) -> str:
    return _MM.replace("{model}", model).replace("{fw}", firmware)


@lru_cache(maxsize=512)
def _chip_temps(hottest: int, board: int, chips: int) -> str:
    """PVT_T: one temperature per chip, the hottest given, the mean about 10 deg C below."""
    steps = [(i * 7 + board * 5 + (i // 9) * 3) % 20 for i in range(chips)]
    low = min(steps)
    return " " + " ".join(f"{max(hottest - (step - low), 1):3d}" for step in steps)


@lru_cache(maxsize=64)
def _chip_table(board: int, chips: int, low: int, span: int) -> str:
    """Static figures per chip (voltages, works)."""
    return " ".join(str(low + (i * 37 + board * 11) % span) for i in range(chips))


@lru_cache(maxsize=2048)
def _chip_arrays(hot: tuple[int, ...], chips: int) -> str:
    """PVT_T, PVT_V, MW and ASICCRC of all boards; boards that are lost have no array."""
    there = [b for b in range(BOARDS) if hot[b]]
    zeros = " ".join("0" for _ in range(chips))
    parts = [f"PVT_T{b}[{_chip_temps(hot[b], b, chips)}]" for b in there]
    parts += [f"PVT_V{b}[{_chip_table(b, chips, 297, 20)}]" for b in there]
    parts += [f"MW{b}[{_chip_table(b, chips, 560, 150)}]" for b in there]
    parts += [f"ASICCRC{b}[{zeros}]" for b in there]
    return " ".join(parts)


def _mm(card: Card, row: Row) -> str:
    """The `MM ID0` string."""
    model = card.model
    shares = row[v.BOARD_SHARE : v.BOARD_SHARE + BOARDS]
    hot = tuple(int(row[v.BOARD_CHIP_C + b]) if shares[b] else 0 for b in range(BOARDS))
    ghs_av, ghs_1m, power = row[v.THS_AV] * 1000, row[v.THS_1M] * 1000, row[v.POWER]
    asleep, mining, hw = row[v.MODE] == SLEEPING, row[v.MODE] == MINING, row[v.HW]
    # as on the wire: a new build tells the power at the wall, an old one has only the PSU's figure
    new = model.fans == 2
    psu_w = power * PS_SHARE if new else power
    wall = f"WALLPOWER[{power:.0f}] " if new else ""
    fans = " ".join(f"Fan{i + 1}[{row[v.FAN_RPM + i]:.0f}]" for i in range(model.fans))
    tried = max(row[v.ACCEPTED] * 1000, 1)
    return _format(model.wire_name, card.firmware) % (
        card.dna, 0, "In Work" if mining else "In Idle" if asleep else "In Init", sum(1 for h in hot if h),
        row[v.ELAPSED], row[v.ELAPSED] * 994, hw * shares[0], hw * shares[1], hw * shares[2], hw,
        hw * 100 / tried, row[v.INLET], max(hot), max(hot) - 10 if max(hot) else 0, fans, row[v.FAN_PCT],
        1316 if psu_w > 200 else 4, psu_w / 13, psu_w, 1320, model.watts * 1.04, wall, ghs_1m, 0.4,
        model.ths * 1000, ghs_av, ghs_av * 13.97, 502.41 if mining else 0,
        " ".join(f"{ghs_1m * share:.2f}" for share in shares), " ".join(map(str, hot)),
        " ".join(str(h - 10 if h else 0) for h in hot), model.chips * BOARDS, 43,
        4 if asleep else 0, "512 0 0" if card.switches.psu_fault else "0 0 0",
        _chip_arrays(hot, model.chips), model.watts,
    )  # fmt: skip


def stats(card: Card, row: Row, when: int) -> str:
    """`stats` and `estats`: the MM string and the pools' traffic."""
    head = status("S", when, 70, "CGMiner stats", DESCRIPTION)
    item = _ITEM % (row[v.ELAPSED], _mm(card, row))
    return f'{{{head},"STATS":[{{{item}}},{cgminer.pool_stats(row, 1)}],"id":1}}'


def devs(card: Card, row: Row, when: int) -> str:
    """`devs`: the whole machine as one device, in MH/s."""
    body = cgminer.device(card, row, when, number=0, share=1.0, temp_c=row[v.INLET])
    return f'{{{status("S", when, 9, "1 ASC(s)", DESCRIPTION)},"DEVS":[{{{body}}}],"id":1}}'


def version(card: Card, row: Row, when: int) -> str:
    """`version`: product, model, firmware, DNA (the serial) and the MAC without colons."""
    name = card.model.wire_name
    mac = card.mac.replace(":", "")
    body = fields(
        f'CGMiner="4.11.1"; API="3.7"; STM8="20.08.01"; PROD="AvalonMiner {name}"; MODEL="{name}"; '
        f'HWTYPE="MM4v2_X3"; SWTYPE="MM314"; LVERSION="{card.firmware}"; BVERSION="{card.firmware}"; '
        f'CGVERSION="{card.firmware}"; VERSION="{card.firmware}"; DNA="{card.dna}"; MAC="{mac}"; UPAPI="2"'
    )
    return f'{{{status("S", when, 22, "CGMiner versions", DESCRIPTION)},"VERSION":[{{{body}}}],"id":1}}'


def _other(card: Card, row: Row, when: int, request: Request) -> str | None:
    """`ascset`: the option list and the mode query; anything that would change the machine fails (120)."""
    if request.commands[0] != "ascset":
        return None
    option = request.parameter.partition(",")[2]
    if option == "help":
        text = "ASC 0 set info: help|voltage|fan-spd|workmode|reboot|softon|softoff|time|"
        return "{" + status("I", when, 118, text, DESCRIPTION) + ',"id":1}'
    if option == "workmode,255":
        return "{" + status("I", when, 118, "ASC 0 set info: workmode 1", DESCRIPTION) + ',"id":1}'
    text = f"ASC 0 set failed: {option.partition(',')[0][:20]}"
    return "{" + status("E", when, 120, text, DESCRIPTION) + ',"id":1}'


AVALON = Dialect(
    name="avalon",
    description=DESCRIPTION,
    sections={
        "summary": cgminer.summary, "devs": devs, "edevs": devs, "pools": cgminer.pools, "stats": stats,
        "estats": stats, "litestats": stats, "version": version, "config": cgminer.config,
        "devdetails": cgminer.devdetails,
    },
    joinable=frozenset(
        {"summary", "devs", "edevs", "pools", "stats", "estats", "version", "config", "devdetails"}
    ),
    denied=cgminer.WRITES,
    other=_other,
)  # fmt: skip
