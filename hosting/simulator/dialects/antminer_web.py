"""The CGI pages of stock Antminer firmware, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from hosting.simulator import view as v
from hosting.simulator.card import POOL_URLS, Card
from hosting.simulator.dialects.antminer import (
    MINER_VERSION,
    PCB_BELOW_CHIP_C,
    PIC_BELOW_CHIP_C,
    SENSOR_STEPS,
)
from hosting.simulator.models import BOARDS
from hosting.simulator.physics import ERROR, MINING, SLEEPING
from hosting.simulator.view import Row

Page = Callable[[Card, Row, int], str]


def _json(data: object) -> str:
    return orjson.dumps(data).decode()


def _frame(card: Card, when: int, what: str) -> dict[str, Any]:
    return {
        "STATUS": {"STATUS": "S", "when": when, "Msg": what, "api_version": "1.0.0"},
        "INFO": {
            "miner_version": MINER_VERSION,
            "CompileTime": card.firmware,
            "type": card.model.wire_name,
        },
    }


def system_info(card: Card, row: Row, when: int) -> str:
    """`get_system_info.cgi`: model, MAC and network."""
    return _json(
        {
            "minertype": card.model.wire_name,
            "nettype": "DHCP",
            "netdevice": "eth0",
            "macaddr": card.mac.upper(),
            "hostname": "Antminer",
            "ipaddress": card.address,
            "netmask": "255.255.0.0",
            "gateway": "127.0.0.1",
            "dnsservers": "127.0.0.1",
            "serinum": card.serial,
            "system_mode": "GNU/Linux",
            "system_kernel_version": "Linux 4.9.113 #1 SMP PREEMPT Thu Oct 14 10:12:08 CST 2021",
            "system_filesystem_version": card.firmware,
            "firmware_type": "Release",
        }
    )


def network_info(card: Card, row: Row, when: int) -> str:
    """`get_network_info.cgi`."""
    return _json(
        {
            "nettype": "DHCP",
            "netdevice": "eth0",
            "macaddr": card.mac.upper(),
            "ipaddress": card.address,
            "netmask": "255.255.0.0",
            "conf_nettype": "DHCP",
            "conf_hostname": "Antminer",
            "conf_ipaddress": "",
            "conf_netmask": "",
            "conf_gateway": "",
            "conf_dnsservers": "",
        }
    )


def miner_type(card: Card, row: Row, when: int) -> str:
    """`miner_type.cgi`."""
    return _json({"miner_type": card.model.wire_name, "subtype": "AMLCtrl_BHB", "fw_version": card.firmware})


def miner_conf(card: Card, row: Row, when: int) -> str:
    """`get_miner_conf.cgi`: pools and work mode."""
    return _json(
        {
            "pools": [{"url": url, "user": card.worker, "pass": "x"} for url in POOL_URLS],
            "api-listen": True,
            "api-network": True,
            "api-groups": "A:stats:pools:devs:summary:version",
            "api-allow": "A:0/0,W:*",
            "bitmain-fan-ctrl": False,
            "bitmain-fan-pwm": "100",
            "bitmain-use-vil": True,
            "bitmain-freq": "485",
            "bitmain-voltage": "1980",
            "bitmain-ccdelay": "0",
            "bitmain-pwth": "4",
            "bitmain-work-mode": "1" if card.switches.mode == "sleeping" else "0",
            "bitmain-freq-level": "100",
        }
    )


def summary(card: Card, row: Row, when: int) -> str:
    """`summary.cgi`: rates in GH/s and the four self-checks."""
    bad = [fan for fan in card.switches.fans_dead if fan < card.model.fans]
    checks = {
        "rate": row[v.MODE] != MINING,
        "network": False,
        "fans": bool(bad),
        "temp": max(row[v.BOARD_CHIP_C : v.BOARD_CHIP_C + BOARDS]) > 95,
    }
    states = [
        {"type": kind, "status": "e" if wrong else "s", "code": 1 if wrong else 0, "msg": ""}
        for kind, wrong in checks.items()
    ]
    one = {
        "elapsed": int(row[v.ELAPSED]),
        "rate_5s": round(row[v.THS_5S] * 1000, 2),
        "rate_30m": round(row[v.THS_30M] * 1000, 2),
        "rate_avg": round(row[v.THS_AV] * 1000, 2),
        "rate_ideal": card.model.ths * 1000,
        "rate_unit": "GH/s",
        "hw_all": int(row[v.HW]),
        "bestshare": int(row[v.ACCEPTED]) * 1_170_319,
        "status": states,
    }
    return _json(_frame(card, when, "summary") | {"SUMMARY": [] if row[v.MODE] == SLEEPING else [one]})


def stats(card: Card, row: Row, when: int) -> str:
    """`stats.cgi`: boards with temperatures, fans, work mode."""
    model = card.model
    one = {
        "elapsed": int(row[v.ELAPSED]),
        "rate_5s": round(row[v.THS_5S] * 1000, 2),
        "rate_30m": round(row[v.THS_30M] * 1000, 2),
        "rate_avg": round(row[v.THS_AV] * 1000, 2),
        "rate_ideal": model.ths * 1000,
        "rate_unit": "GH/s",
        "chain_num": BOARDS,
        "fan_num": 4,
        "fan": [int(rpm) for rpm in row[v.FAN_RPM : v.FAN_RPM + 4]],
        "hwp_total": 0.0,
        "miner-mode": 1 if row[v.MODE] == SLEEPING else 0,
        "freq-level": 100,
        "chain": [_chain(card, row, board) for board in range(BOARDS) if row[v.BOARD_SHARE + board]],
    }
    return _json(_frame(card, when, "stats") | {"STATS": [one]})


def _chain(card: Card, row: Row, board: int) -> dict[str, Any]:
    hot = int(row[v.BOARD_CHIP_C + board])
    sensors = [hot - step for step in SENSOR_STEPS[board]]
    return {
        "index": board,
        "freq_avg": 525,
        "rate_ideal": round(card.model.ths * 1000 / BOARDS, 2),
        "rate_real": round(row[v.THS_5S] * row[v.BOARD_SHARE + board] * 1000, 2),
        "asic_num": card.model.chips,
        "asic": " " + "o" * card.model.chips,
        "temp_pic": [t - PIC_BELOW_CHIP_C for t in sensors],
        "temp_pcb": [t - PCB_BELOW_CHIP_C for t in sensors],
        "temp_chip": sensors,
        "hw": int(row[v.HW] * row[v.BOARD_SHARE + board]),
        "eeprom_loaded": True,
        "sn": f"{card.serial[:13]}{board + 1}{card.mac[-2:].upper()}",
        "hwp": 0.0,
    }


def pools(card: Card, row: Row, when: int) -> str:
    """`pools.cgi`."""
    items = []
    for n, url in enumerate(POOL_URLS):
        used = n == 0
        items.append(
            {
                "index": n,
                "url": url,
                "user": card.worker,
                "status": "Alive",
                "priority": n,
                "getworks": int(row[v.ELAPSED]) // 13 if used else 3,
                "accepted": int(row[v.ACCEPTED]) if used else 0,
                "rejected": int(row[v.REJECTED]) if used else 0,
                "discarded": 0,
                "stale": int(row[v.STALE]) if used else 0,
                "diff": "524K" if used else "",
                "diff1": 0,
                "diffa": 0,
                "diffr": 0,
                "diffs": 0,
                "lsdiff": 0,
                "lstime": "0:00:03" if used else "0",
            }
        )
    return _json(_frame(card, when, "pools") | {"POOLS": items})


def warning(card: Card, row: Row, when: int) -> str:
    """`warning.cgi`: the firmware's own fault codes."""
    return _json({"error_message": "V:1" if row[v.MODE] == ERROR and card.switches.psu_fault else "None"})


def blink_status(card: Card, row: Row, when: int) -> str:
    """`get_blink_status.cgi`."""
    return _json({"blink": False})


PAGES: dict[str, Page] = {
    f"/cgi-bin/{name}.cgi": page
    for name, page in {
        "get_system_info": system_info,
        "get_network_info": network_info,
        "miner_type": miner_type,
        "get_miner_conf": miner_conf,
        "summary": summary,
        "stats": stats,
        "pools": pools,
        "warning": warning,
        "get_blink_status": blink_status,
    }.items()
}
