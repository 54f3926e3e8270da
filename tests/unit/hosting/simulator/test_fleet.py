"""The made-up fleet: the same for the same seed, unique where it must be, laid out as real ones are."""

from __future__ import annotations

import csv
import io
import ipaddress
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from hosting.simulator.fleet import Fleet, build_fleet
from hosting.simulator.models import MODELS

HEADER = "site,zone,rack,row,position,model,mac,serial,address,port,customer,worker,desired_state"


def test_the_same_arguments_build_the_same_fleet() -> None:
    first = build_fleet(500, 7, profile="hostile")
    assert first == build_fleet(500, 7, profile="hostile")
    assert first != build_fleet(500, 8, profile="hostile")


def test_json_gives_the_fleet_back() -> None:
    fleet = build_fleet(300, 3, profile="demo")
    assert Fleet.from_json(fleet.to_json()) == fleet


def test_another_version_of_the_file_is_refused() -> None:
    with pytest.raises(ValueError, match="version 1"):
        Fleet.from_json(b'{"version":2,"miner_fields":[]}')


def test_csv_has_the_import_header_and_one_row_per_miner() -> None:
    fleet = build_fleet(400, 1)
    text = fleet.to_csv("west-texas")
    assert text.splitlines()[0] == HEADER
    rows = list(csv.DictReader(io.StringIO(text)))
    mine = [m for m in fleet.miners if m.site == "west-texas"]
    assert len(rows) == len(mine) == 184
    assert rows[0]["mac"] == mine[0].mac
    assert rows[0]["model"] in MODELS
    assert {row["customer"] for row in rows} <= {c.slug for c in fleet.customers} | {""}


def test_csv_of_an_unknown_site_is_an_error() -> None:
    with pytest.raises(KeyError, match="atlantis"):
        build_fleet(10, 1).to_csv("atlantis")


def test_a_demo_fleet_has_the_sites_customers_and_models_it_should() -> None:
    fleet = build_fleet(6000, 1, profile="demo")
    assert len(fleet.miners) == 6000
    assert len(fleet.sites) == 3
    assert len(fleet.customers) == 12
    assert len({m.model for m in fleet.miners}) >= 8
    assert {m.customer for m in fleet.miners} == {c.slug for c in fleet.customers} | {None}
    for site in fleet.sites:
        ZoneInfo(site.timezone)
        load_kw = sum(m.nominal_w for m in fleet.miners if m.site == site.slug) / 1000
        assert load_kw < site.capacity_kw < load_kw * 1.2


@pytest.mark.parametrize(("miners", "sites"), [(1, 1), (6000, 3), (20_000, 1), (60_000, 3)])
def test_identities_and_slots_are_unique_and_addresses_lie_in_their_site(miners: int, sites: int) -> None:
    fleet = build_fleet(miners, 5, sites=sites)
    for key in ("mac", "serial", "address", "index"):
        assert len({getattr(m, key) for m in fleet.miners}) == miners
    assert len({(m.site, m.rack, m.row, m.position) for m in fleet.miners}) == miners
    networks = {site.slug: ipaddress.ip_network(site.network) for site in fleet.sites}
    for miner in fleet.miners[:: max(1, miners // 500)]:
        assert ipaddress.ip_address(miner.address) in networks[miner.site]
        assert miner.address.startswith("127.")
        assert not miner.address.endswith((".0", ".255"))
    blocks = list(networks.values())
    assert not any(a.overlaps(b) for i, a in enumerate(blocks) for b in blocks[i + 1 :])


def test_a_rack_has_48_slots_in_rows_and_positions() -> None:
    fleet = build_fleet(600, 1)
    racks = Counter((m.site, m.rack) for m in fleet.miners)
    assert max(racks.values()) == 48
    assert {m.row for m in fleet.miners} == set(range(1, 9))
    assert {m.position for m in fleet.miners} == set(range(1, 7))


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="24 sites"):
        build_fleet(10, 1, sites=0)
    with pytest.raises(ValueError, match="2,000,000 miners"):
        build_fleet(2_000_001, 1)
    with pytest.raises(ValueError, match="no such profile"):
        build_fleet(10, 1, profile="nice")


def test_bench_kills_exactly_five_percent_and_a_quarter_refuses_joined() -> None:
    fleet = build_fleet(6000, 1, profile="bench")
    transports = Counter(m.behaviour.get("transport") for m in fleet.miners)
    assert transports == {None: 5700, "refused": 100, "blackhole": 100, "hang": 100}
    refusing = [m for m in fleet.miners if m.behaviour.get("joined_refused")]
    assert len(refusing) == 1500
    assert not any(m.behaviour.get("transport") for m in refusing)
    assert {m.dialect for m in refusing} == {"antminer"}


def test_refusing_miners_have_ports_nobody_listens_on() -> None:
    fleet = build_fleet(6000, 1, 14028, 18080, profile="bench")
    served = {m.port for m in fleet.miners if m.behaviour.get("transport") != "refused"}
    refused = {m.port for m in fleet.miners if m.behaviour.get("transport") == "refused"}
    assert served == {14028}
    assert refused == {14029}


def test_demo_is_mostly_healthy() -> None:
    fleet = build_fleet(6000, 1, profile="demo")
    dead = sum("transport" in m.behaviour for m in fleet.miners)
    asleep = [m for m in fleet.miners if m.behaviour.get("mode") == "sleeping"]
    faulty = sum(
        bool({"boards_dead", "fans_dead", "psu_fault", "reply"} & set(m.behaviour)) for m in fleet.miners
    )
    assert 15 <= dead <= 45
    assert 40 <= faulty <= 80
    assert 130 <= len(asleep) <= 230
    assert {m.desired_state for m in asleep} == {"sleeping"}


def test_hostile_has_every_misbehaviour_and_swaps_are_mutual() -> None:
    from hosting.simulator.switches import REPLIES, TRANSPORTS

    fleet = build_fleet(3000, 1, profile="hostile")
    seen = {m.behaviour.get("transport") for m in fleet.miners} | {
        m.behaviour.get("reply") for m in fleet.miners
    }
    assert (set(TRANSPORTS) | set(REPLIES)) - {"ok"} <= seen
    swaps = {m.index: m.behaviour["swap_with"] for m in fleet.miners if "swap_with" in m.behaviour}
    assert len(swaps) >= 10
    assert all(swaps[other] == index for index, other in swaps.items())


def test_clean_is_clean_but_for_antminers_that_refuse_joined() -> None:
    fleet = build_fleet(4000, 1)
    assert all(set(m.behaviour) <= {"joined_refused"} for m in fleet.miners)
    antminers = [m for m in fleet.miners if m.dialect == "antminer"]
    assert 0.2 < sum("joined_refused" in m.behaviour for m in antminers) / len(antminers) < 0.3
