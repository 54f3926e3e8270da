"""Stock Bitmain firmware on port 4028: the API group of summary, stats, pools, devs and version only."""

from __future__ import annotations

from functools import lru_cache

from hosting.simulator import view as v
from hosting.simulator.card import POOL_URLS, Card
from hosting.simulator.dialects.base import Dialect, fields, status
from hosting.simulator.models import BOARDS, ModelSpec
from hosting.simulator.physics import MINING, SLEEPING
from hosting.simulator.view import Row

DESCRIPTION = "cgminer 1.0.0"
MINER_VERSION = "49.0.1.3"
DIFFICULTY = 524_288
PCB_BELOW_CHIP_C = 11
PIC_BELOW_CHIP_C = 18
SENSOR_STEPS = ((0, 9, 3, 12), (1, 10, 2, 13), (0, 11, 4, 12))  # deg C below the hottest, per board

_SUMMARY = fields(
    """
    Elapsed=%d; GHS 5s=%.2f; GHS av=%.2f; GHS 30m=%.2f; Found Blocks=0; Getwork=%d; Accepted=%d; Rejected=%d;
    Hardware Errors=%d; Utility=%.2f; Discarded=%d; Stale=%d; Get Failures=1; Local Work=%d;
    Remote Failures=0; Network Blocks=%d; Total MH=%.4f; Work Utility=%.2f; Difficulty Accepted=%D;
    Difficulty Rejected=%D; Difficulty Stale=%D; Best Share=%d; Device Hardware%=0.0000;
    Device Rejected%=0.0000; Pool Rejected%=%.4f; Pool Stale%=%.4f; Last getwork=%d
    """
)
_POOL = fields(
    """
    POOL=%d; URL="%s"; Status="Alive"; Priority=%d; Quota=1; Long Poll="N"; Getworks=%d; Accepted=%d;
    Rejected=%d; Discarded=%d; Stale=%d; Get Failures=%d; Remote Failures=0; User="%s"; Last Share Time="%s";
    Diff="%s"; Diff1 Shares=0; Proxy Type=""; Proxy=""; Difficulty Accepted=%D; Difficulty Rejected=%D;
    Difficulty Stale=%D; Last Share Difficulty=%D; Has Stratum=true; Stratum Active=%s; Stratum URL="%s";
    Has GBT=false; Best Share=%.1f; Pool Rejected%=%.4f; Pool Stale%%=%.4f
    """
)
_DEVS = fields(
    """
    ASC=0; Name="BTM_SOC"; ID=0; Enabled="Y"; Status="Alive"; Tenperature=0.00; MHS av=0.00; MHS 5s=0.00;
    Accepted=%d; Rejected=%d; Hardware Errors=%d; Utility=0.00; Last Share Pool=0; Last Share Time=%d;
    Total MH=0.0000; Diff1 Work=0; Difficulty Accepted=%d; Difficulty Rejected=%d; Last Share Difficulty=%d;
    Last Valid Work=%d; Device Hardware%=0.0000; Device Rejected%=0.0000; Device Elapsed=%d
    """
)
_VERSION_ITEM = '"BMMiner":"1.0.0","Miner":"%s","CompileTime":"%s","Type":"%s"'


def summary(card: Card, row: Row, when: int) -> str:
    """`summary`: GH/s windows and share counters; an empty list while asleep."""
    head = status("S", when, 11, "Summary", DESCRIPTION)
    if row[v.MODE] == SLEEPING:
        return f'{{{head},"SUMMARY":[],"id":1}}'
    elapsed, accepted, rejected, stale = row[v.ELAPSED], row[v.ACCEPTED], row[v.REJECTED], row[v.STALE]
    tried = max(accepted + rejected + stale, 1)
    body = _SUMMARY % (
        elapsed,
        row[v.THS_5S] * 1000,
        row[v.THS_AV] * 1000,
        row[v.THS_30M] * 1000,
        elapsed // 13,
        accepted,
        rejected,
        row[v.HW],
        accepted * 60 / max(elapsed, 1),
        elapsed * 89,
        stale,
        elapsed * 90,
        elapsed // 600,
        row[v.TOTAL_TH] * 1e6,
        row[v.THS_AV] * 13_970,
        accepted * DIFFICULTY,
        rejected * DIFFICULTY,
        stale * DIFFICULTY,
        accepted * 1_170_319,
        rejected * 100 / tried,
        stale * 100 / tried,
        when,
    )
    return f'{{{head},"SUMMARY":[{{{body}}}],"id":1}}'


def pools(card: Card, row: Row, when: int) -> str:
    """`pools`: three pools, the first active."""
    accepted, rejected, stale = row[v.ACCEPTED], row[v.REJECTED], row[v.STALE]
    tried, mining = max(accepted + rejected + stale, 1), row[v.MODE] == MINING
    host = POOL_URLS[0].split("/")[2].split(":")[0]
    out = [
        _POOL % (
            0, POOL_URLS[0], 0, row[v.ELAPSED] // 13, accepted, rejected, row[v.ELAPSED] * 89, stale, 1,
            card.worker, "0:00:03" if mining else "0", "524K", accepted * DIFFICULTY, rejected * DIFFICULTY,
            stale * DIFFICULTY, DIFFICULTY, "true" if mining else "false", host if mining else "",
            accepted * 1_170_319, rejected * 100 / tried, stale * 100 / tried,
        )
    ]  # fmt: skip
    out += [
        _POOL % (n, POOL_URLS[n], n, 3, 0, 0, 0, 0, 1, card.worker, "0", "", 0, 0, 0, 0, "false", "", 0, 0, 0)
        for n in (1, 2)
    ]
    head = status("S", when, 7, "3 Pool(s)", DESCRIPTION)
    return f'{{{head},"POOLS":[{{{"},{".join(out)}}}],"id":1}}'


def devs(card: Card, row: Row, when: int) -> str:
    """`devs`: one SoC whose hashrate stock firmware leaves at 0."""
    accepted, rejected = row[v.ACCEPTED], row[v.REJECTED]
    body = _DEVS % (
        accepted, rejected, row[v.HW], when - 3, accepted * DIFFICULTY, rejected * DIFFICULTY, DIFFICULTY,
        when - 3, row[v.ELAPSED],
    )  # fmt: skip
    return f'{{{status("S", when, 9, "1 ASC(s)", DESCRIPTION)},"DEVS":[{{{body}}}],"id":1}}'


def version(card: Card, row: Row, when: int) -> str:
    """`version`: the only report that names the model (`Type`) and the build (`CompileTime`)."""
    item = _VERSION_ITEM % (MINER_VERSION, card.firmware, card.model.wire_name)
    head = status("S", when, 22, "CGMiner versions", DESCRIPTION)
    return f'{{{head},"VERSION":[{{"API":"3.1",{item}}}],"id":1}}'


@lru_cache(maxsize=64)
def _chip_map(chips: int) -> str:
    """One `o` per working chip, in groups of three, as `chain_acs` shows them."""
    marks = "o" * chips
    return " " + " ".join(marks[i : i + 3] for i in range(0, chips, 3))


@lru_cache(maxsize=1024)
def _sensors(hottest: int, board: int, below: int) -> str:
    """The four sensors of a board as `a-b-c-d`."""
    return "-".join(str(max(hottest - step - below, 1)) for step in SENSOR_STEPS[board])


_STATS = fields(
    """
    STATS=0; ID="BTM_SOC0"; Elapsed=%d; Calls=0; Wait=0.000000; Max=0.000000; Min=99999999.000000;
    GHS 5s=%.2f; GHS av=%.2f; rate_30m=%.2f; Mode=2; miner_count=3; frequency=%d; fan_num=4; fan1=%d; fan2=%d;
    fan3=%d; fan4=%d; temp_num=3; temp1=%d; temp2=%d; temp3=%d; temp2_1=%d; temp2_2=%d; temp2_3=%d;
    temp_max=%d; total_rateideal=%.2f; rate_unit="GH"; total_freqavg=%d; total_acn=%d; total rate=%.2f;
    no_matching_work=%d; miner_version="%s"; miner_id="%s"
    """
)
_CHAIN = fields(
    """
    chain_acn%d=%d; chain_acs%d="%s"; chain_hw%d=%d; chain_rate%d="%s"; freq%d=%d; temp_pcb%d="%s";
    temp_chip%d="%s"; temp_pic%d="%s"; chain_vol%d=%d; chain_consumption%d=0; chain_xtime%d="{}";
    chain_offside_%d="%s"; chain_opencore_%d="%s"; chain_sn%d="%s"
    """.replace("%d=", "{n}=")
)
_CHAINS = tuple(_CHAIN.replace("{n}", str(n)).replace("%%", "%") for n in (1, 2, 3, 4))
_DEAD_CHAIN = (0, "", 0, "", 0, "0-0-0-0", "0-0-0-0", "0-0-0-0", 0, "", "", "")


@lru_cache(maxsize=64)
def _core_map(chips: int) -> str:
    return " ".join("0" for _ in range(chips))


def _chain(card: Card, row: Row, board: int, frequency: int) -> str:
    """One hashboard's members of `stats`; a missing board shows zeros and empty strings."""
    share = row[v.BOARD_SHARE + board]
    if share == 0:
        return _CHAINS[board] % _DEAD_CHAIN
    hot, chips = int(row[v.BOARD_CHIP_C + board]), card.model.chips
    return _CHAINS[board] % (
        chips,
        _chip_map(chips),
        row[v.HW] * share,
        f"{row[v.THS_5S] * share * 1000:.2f}",
        frequency,
        _sensors(hot, board, PCB_BELOW_CHIP_C),
        _sensors(hot, board, 0),
        _sensors(hot, board, PIC_BELOW_CHIP_C),
        1340,
        _core_map(chips),
        _core_map(chips),
        f"{card.serial[:13]}{board + 1}{card.mac[-2:].upper()}",
    )


def stats(card: Card, row: Row, when: int) -> str:
    """`stats`: version item and the board, fan and temperature figures; an empty list while asleep."""
    head = status("S", when, 70, "CGMiner stats", DESCRIPTION)
    if row[v.MODE] == SLEEPING:
        return f'{{{head},"STATS":[],"id":1}}'
    model = card.model
    hot = [int(row[v.BOARD_CHIP_C + b]) if row[v.BOARD_SHARE + b] else 0 for b in range(BOARDS)]
    alive = sum(1 for t in hot if t)
    frequency = _frequency(model) if row[v.MODE] == MINING else 0
    body = _STATS % (
        row[v.ELAPSED], row[v.THS_5S] * 1000, row[v.THS_AV] * 1000, row[v.THS_30M] * 1000, frequency,
        row[v.FAN_RPM], row[v.FAN_RPM + 1], row[v.FAN_RPM + 2], row[v.FAN_RPM + 3],
        *(t and t - PCB_BELOW_CHIP_C for t in hot), *hot, max(hot), model.ths * 1000, frequency,
        alive * model.chips, row[v.THS_AV] * 1000, row[v.HW], MINER_VERSION,
        card.mac.replace(":", "") + "4814",
    )  # fmt: skip
    chains = ",".join([_chain(card, row, b, frequency) for b in range(BOARDS)])
    item = _VERSION_ITEM % (MINER_VERSION, card.firmware, model.wire_name)
    empty = _CHAINS[3] % _DEAD_CHAIN
    return f'{{{head},"STATS":[{{{item}}},{{{body},{chains},{empty}}}],"id":1}}'


def _frequency(model: ModelSpec) -> int:
    """A clock in MHz that looks right for the model."""
    return 400 + int(model.ths * 1000 / model.chips) % 250


ANTMINER = Dialect(
    name="antminer",
    description=DESCRIPTION,
    sections={"summary": summary, "stats": stats, "pools": pools, "devs": devs, "version": version},
    joinable=frozenset({"summary", "stats", "pools", "devs", "version"}),
    denied=frozenset(
        {"config", "devdetails", "estats", "edevs", "notify", "coin", "asccount", "lcd", "switchpool",
         "addpool", "removepool", "enablepool", "disablepool", "restart", "quit", "save", "ascset",
         "poolpriority"}
    ),
    invalid_description=DESCRIPTION,
)  # fmt: skip
