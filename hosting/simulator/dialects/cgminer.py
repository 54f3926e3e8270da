"""Plain cgminer 4.11.1: what a machine of no known vendor answers."""

from __future__ import annotations

from hosting.simulator import view as v
from hosting.simulator.card import POOL_URLS, Card
from hosting.simulator.dialects.base import Dialect, fields, status
from hosting.simulator.models import BOARDS
from hosting.simulator.physics import MINING
from hosting.simulator.view import Row

DESCRIPTION = "cgminer 4.11.1"
DIFFICULTY = 524_288

_SUMMARY = fields(
    """
    Elapsed=%d; MHS av=%.2f; MHS 5s=%.2f; MHS 1m=%.2f; MHS 5m=%.2f; MHS 15m=%.2f; Found Blocks=0; Getworks=%d;
    Accepted=%d; Rejected=%d; Hardware Errors=%d; Utility=%.2f; Discarded=%d; Stale=%d; Get Failures=0;
    Local Work=%d; Remote Failures=0; Network Blocks=%d; Total MH=%.4f; Work Utility=%.2f;
    Difficulty Accepted=%D; Difficulty Rejected=%D; Difficulty Stale=%D; Best Share=%d;
    Device Hardware%=0.0000; Device Rejected%=0.0000; Pool Rejected%=%.4f; Pool Stale%=%.4f; Last getwork=%d
    """
)
_DEV = fields(
    """
    ASC=%d; Name="%s"; ID=%d; Enabled="Y"; Status="Alive"; Temperature=%.2f; MHS av=%.2f; MHS 5s=%.2f;
    MHS 1m=%.2f; MHS 5m=%.2f; MHS 15m=%.2f; Accepted=%d; Rejected=%d; Hardware Errors=%d; Utility=%.2f;
    Last Share Pool=0; Last Share Time=%d; Total MH=%.4f; Diff1 Work=%d; Difficulty Accepted=%D;
    Difficulty Rejected=%D; Last Share Difficulty=%D; No Device=false; Last Valid Work=%d;
    Device Hardware%=0.0000; Device Rejected%=0.0000; Device Elapsed=%d
    """
)
_POOL = fields(
    """
    POOL=%d; URL="%s"; Status="Alive"; Priority=%d; Quota=1; Long Poll="N"; Getworks=%d; Accepted=%d;
    Rejected=%d; Works=%d; Discarded=%d; Stale=%d; Get Failures=0; Remote Failures=0; User="%s";
    Last Share Time=%d; Diff1 Shares=%d; Proxy Type=""; Proxy=""; Difficulty Accepted=%D;
    Difficulty Rejected=%D; Difficulty Stale=%D; Last Share Difficulty=%D; Work Difficulty=%D;
    Has Stratum=true; Stratum Active=%s; Stratum URL="%s"; Stratum Difficulty=%D; Has Vmask=true;
    Has GBT=false; Best Share=%d; Pool Rejected%=%.4f; Pool Stale%=%.4f; Bad Work=0;
    Current Block Height=900000; Current Block Version=536870912
    """
)
_POOL_STATS = fields(
    """
    STATS=%d; ID="POOL%d"; Elapsed=%d; Calls=0; Wait=0.000000; Max=0.000000; Min=99999999.000000;
    Pool Calls=0; Pool Attempts=0; Pool Wait=0.000000; Pool Max=0.000000; Pool Min=99999999.000000;
    Pool Av=0.000000; Work Had Roll Time=false; Work Can Roll=false; Work Had Expire=false; Work Roll Time=0;
    Work Diff=524288.00000000; Min Diff=65536.00000000; Max Diff=524288.00000000; Min Diff Count=1;
    Max Diff Count=%d; Times Sent=%d; Bytes Sent=%d; Times Recv=%d; Bytes Recv=%d; Net Bytes Sent=%d;
    Net Bytes Recv=%d
    """
)


def summary(card: Card, row: Row, when: int) -> str:
    """`summary`: MH/s windows and share counters."""
    elapsed, accepted, rejected, stale = row[v.ELAPSED], row[v.ACCEPTED], row[v.REJECTED], row[v.STALE]
    tried = max(accepted + rejected + stale, 1)
    body = _SUMMARY % (
        elapsed, row[v.THS_AV] * 1e6, row[v.THS_5S] * 1e6, row[v.THS_1M] * 1e6, row[v.THS_5M] * 1e6,
        row[v.THS_15M] * 1e6, elapsed // 50, accepted, rejected, row[v.HW], accepted * 60 / max(elapsed, 1),
        elapsed * 3, stale, elapsed * 5, elapsed // 600, row[v.TOTAL_TH] * 1e6, row[v.THS_AV] * 13_970,
        accepted * DIFFICULTY, rejected * DIFFICULTY, stale * DIFFICULTY, accepted * 1_170_319,
        rejected * 100 / tried, stale * 100 / tried, when,
    )  # fmt: skip
    return f'{{{status("S", when, 11, "Summary", DESCRIPTION)},"SUMMARY":[{{{body}}}],"id":1}}'


def device(card: Card, row: Row, when: int, *, number: int, share: float, temp_c: float) -> str:
    """One entry of `devs` with `share` of the machine's hashrate."""
    accepted, rejected, mhs = int(row[v.ACCEPTED] * share), int(row[v.REJECTED] * share), share * 1e6
    elapsed = row[v.ELAPSED]
    name = "AVALON" if card.dialect == "avalon" else card.model.wire_name
    return _DEV % (
        number, name, number, temp_c, row[v.THS_AV] * mhs, row[v.THS_5S] * mhs, row[v.THS_1M] * mhs,
        row[v.THS_5M] * mhs, row[v.THS_15M] * mhs, accepted, rejected, row[v.HW] * share,
        accepted * 60 / max(elapsed, 1), when - 4, row[v.TOTAL_TH] * mhs, accepted * DIFFICULTY,
        accepted * DIFFICULTY, rejected * DIFFICULTY, DIFFICULTY, when, elapsed,
    )  # fmt: skip


def devs(card: Card, row: Row, when: int) -> str:
    """`devs`: one entry per board that is there; code 10 when none is."""
    out = []
    for board in range(BOARDS):
        share = row[v.BOARD_SHARE + board]
        if share:
            out.append(
                device(card, row, when, number=board, share=share, temp_c=row[v.BOARD_CHIP_C + board] - 10)
            )
    if not out:
        return "{" + status("E", when, 10, "No ASCs", DESCRIPTION) + ',"id":1}'
    head = status("S", when, 9, f"{len(out)} ASC(s)", DESCRIPTION)
    return f'{{{head},"DEVS":[{{{"},{".join(out)}}}],"id":1}}'


def pools(card: Card, row: Row, when: int) -> str:
    """`pools`: three pools, the first active."""
    accepted, rejected, stale = row[v.ACCEPTED], row[v.REJECTED], row[v.STALE]
    tried, mining = max(accepted + rejected + stale, 1), row[v.MODE] == MINING
    out = []
    for n, url in enumerate(POOL_URLS):
        a, r, s = (accepted, rejected, stale) if n == 0 else (0, 0, 0)
        active = n == 0 and mining
        out.append(
            _POOL % (
                n, url, n, row[v.ELAPSED] // 50 if n == 0 else 3, a, r, a * 107, 0, s, card.worker,
                when - 4 if n == 0 else 0, a * DIFFICULTY, a * DIFFICULTY, r * DIFFICULTY, s * DIFFICULTY,
                DIFFICULTY, DIFFICULTY, "true" if active else "false", url if active else "", DIFFICULTY,
                a * 1_170_319, r * 100 / tried, s * 100 / tried,
            )
        )  # fmt: skip
    head = status("S", when, 7, "3 Pool(s)", DESCRIPTION)
    return f'{{{head},"POOLS":[{{{"},{".join(out)}}}],"id":1}}'


def pool_stats(row: Row, first: int) -> str:
    """The per-pool items that end a `stats` reply, numbered from `first`."""
    out = []
    for n in range(len(POOL_URLS)):
        elapsed = row[v.ELAPSED] if n == 0 else 40
        sent, received = elapsed * 9, elapsed * 170
        numbers = (elapsed * 8, elapsed // 14, sent, elapsed // 6, received, sent, received)
        out.append("{" + _POOL_STATS % (first + n, n, row[v.ELAPSED], *numbers) + "}")
    return ",".join(out)


def stats(card: Card, row: Row, when: int) -> str:
    """`stats`: pool traffic only; plain cgminer knows nothing of the boards here."""
    return f'{{{status("S", when, 70, "CGMiner stats", DESCRIPTION)},"STATS":[{pool_stats(row, 0)}],"id":1}}'


def version(card: Card, row: Row, when: int) -> str:
    """`version`: the program and its API."""
    head = status("S", when, 22, "CGMiner versions", DESCRIPTION)
    return f'{{{head},"VERSION":[{{"CGMiner":"{card.firmware}","API":"3.7"}}],"id":1}}'


def config(card: Card, row: Row, when: int) -> str:
    """`config`: counts and settings."""
    code = "AVALON" if card.dialect == "avalon" else card.model.wire_name
    body = fields(
        f'ASC Count=1; PGA Count=0; Pool Count=3; Strategy="Failover"; Log Interval=5; Device Code="{code}"; '
        'OS="Linux"; Hotplug="None"'
    )
    return f'{{{status("S", when, 33, "CGMiner config", DESCRIPTION)},"CONFIG":[{{{body}}}],"id":1}}'


def devdetails(card: Card, row: Row, when: int) -> str:
    """`devdetails`: the driver's name."""
    driver = "avalon" if card.dialect == "avalon" else "generic"
    body = fields(
        f'DEVDETAILS=0; Name="{driver.upper()}"; ID=0; Driver="{driver}"; Kernel=""; Model=""; Device Path=""'
    )
    return f'{{{status("S", when, 69, "Device Details", DESCRIPTION)},"DEVDETAILS":[{{{body}}}],"id":1}}'


WRITES = frozenset(
    {
        "switchpool",
        "addpool",
        "removepool",
        "enablepool",
        "disablepool",
        "restart",
        "quit",
        "save",
        "poolpriority",
    }
)

CGMINER = Dialect(
    name="cgminer",
    description=DESCRIPTION,
    sections={
        "summary": summary, "devs": devs, "edevs": devs, "pools": pools, "stats": stats, "estats": stats,
        "version": version, "config": config, "devdetails": devdetails,
    },
    joinable=frozenset(
        {"summary", "devs", "edevs", "pools", "stats", "estats", "version", "config", "devdetails"}
    ),
    denied=WRITES | {"ascset"},
)  # fmt: skip
