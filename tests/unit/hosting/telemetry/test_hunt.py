"""The walk over a site's addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.telemetry.domain.hunt import Ground, ground, walk

numbers = st.integers(0, 2**10 - 1).map(
    lambda offset: str(IPv4Address(int(IPv4Address("10.0.0.0")) + offset))
)
networks = st.tuples(st.integers(0, 2**10 - 1), st.integers(24, 32)).map(
    lambda pair: str(IPv4Network((int(IPv4Address("10.0.0.0")) + pair[0], pair[1]), strict=False))
)


def _round(place: Ground, start: int = 0) -> list[str]:
    return [address for _, address in walk(place, start, place.size)]


@given(st.lists(networks, min_size=1, max_size=3), st.lists(numbers, max_size=8), st.data())
def test_one_round_asks_each_free_address_once(
    ranges: list[str], known: list[str], data: st.DataObject
) -> None:
    lost = data.draw(st.lists(st.sampled_from(known), max_size=3)) if known else []
    place = ground(ranges, lost=lost, known=set(known))
    start = data.draw(st.integers(0, max(0, place.size - 1)))
    asked = _round(place, start)
    assert len(asked) == len(set(asked))
    assert not set(asked) & set(known)
    inside = {str(one) for net in place.ranges for one in net.hosts()} | {
        str(one) for net in place.ranges if net.prefixlen >= 31 for one in net
    }
    assert set(asked) == inside - set(known)


@given(st.lists(numbers, min_size=1, max_size=8), st.integers(1, 50))
def test_runs_one_after_another_make_a_round(known: list[str], most: int) -> None:
    place = ground(["10.0.0.0/24", "10.0.2.0/25"], lost=known[:1], known=set(known))
    whole = _round(place)
    position = 0
    asked: list[str] = []
    while len(asked) < len(whole):
        run = list(walk(place, position, most))
        assert 0 < len(run) <= most
        position = run[-1][0]
        asked += [address for _, address in run]
    assert asked[: len(whole)] == whole


def test_neighbours_of_the_lost_come_first_then_those_of_the_known_then_the_rest() -> None:
    place = ground(["10.0.0.0/22"], lost=["10.0.1.70"], known={"10.0.0.5", "10.0.1.70"})
    asked = _round(place)
    assert asked[0] == "10.0.1.64"
    assert [one for one in asked[:63] if not one.startswith("10.0.1.")] == []
    assert asked[63] == "10.0.0.1"  # 10.0.0.0 is the network itself
    assert "10.0.0.5" not in asked
    assert asked[63 + 62] == "10.0.0.64"
    assert asked[-1] == "10.0.3.254"


def test_a_huge_range_is_walked_at_once() -> None:
    place = ground(["10.0.0.0/8"], lost=["10.200.0.1"], known={"10.200.0.1"})
    first = list(walk(place, 0, 512))
    assert len(first) == 512
    assert first[0][1] == "10.200.0.0"
    assert [address for _, address in walk(place, place.size - 2, 3)] == [
        "10.255.255.254",
        "10.200.0.0",
        "10.200.0.2",
    ]


@pytest.mark.parametrize("ranges", [[], ["10.9.0.0/30"]])
def test_addresses_outside_of_the_ranges_are_not_asked(ranges: list[str]) -> None:
    place = ground(ranges, lost=["10.0.0.1"], known={"10.0.0.1"})
    assert _round(place) == (["10.9.0.1", "10.9.0.2"] if ranges else [])
