"""Where to look for miners that fell silent: a walk over a site's ranges, near the known ones first. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Final

NEIGHBOURHOOD_PREFIX: Final = 26
_BLOCK: Final = 1 << (32 - NEIGHBOURHOOD_PREFIX)


@dataclass(frozen=True, slots=True)
class Ground:
    """The addresses of a site in the order of the walk, as numbers.

    First the /26 neighbourhoods (``near``: their first addresses), then all of the ``ranges``. A position
    in the walk is a number below ``size``; it means the same as long as the inventory stays the same.
    """

    ranges: tuple[IPv4Network, ...]
    near: tuple[int, ...]
    asked_anyway: frozenset[int]

    @property
    def size(self) -> int:
        """Positions in one round."""
        return len(self.near) * _BLOCK + sum(one.num_addresses for one in self.ranges)


def ground(ranges: Iterable[str], *, lost: Iterable[str], known: Collection[str]) -> Ground:
    """The ground of a site with these ``ranges``.

    ``lost``: the addresses where the silent miners should be, whose neighbours come first; ``known``: every
    address that the sweep asks by itself, which the walk leaves out.
    """
    networks = tuple(collapse_addresses(IPv4Network(one) for one in ranges))
    polled = [int(IPv4Address(one)) for one in known]
    wanted = [int(IPv4Address(one)) for one in lost]
    blocks = dict.fromkeys(number - number % _BLOCK for number in [*wanted, *sorted(polled)])
    return Ground(networks, tuple(blocks), frozenset(polled))


def walk(place: Ground, start: int, most: int) -> Iterator[tuple[int, str]]:
    """At most ``most`` addresses from position ``start`` on, each with the position after it; one round at
    most.

    Network and broadcast addresses of the ranges are left out, and what the sweep asks by itself.
    """
    found, near = 0, frozenset(place.near)
    for step in range(place.size):
        if found == most:
            return
        position = (start + step) % place.size
        number = _at(place, position, near)
        if number is not None and number not in place.asked_anyway:
            found += 1
            yield (position + 1) % place.size, str(IPv4Address(number))


def _at(place: Ground, position: int, near: frozenset[int]) -> int | None:
    """The address at a position; None where the walk has it elsewhere, or it is nobody's."""
    block, offset = divmod(position, _BLOCK)
    if block < len(place.near):
        number = place.near[block] + offset
        return number if any(_is_host(one, number) for one in place.ranges) else None
    rest = position - len(place.near) * _BLOCK
    for one in place.ranges:
        if rest < one.num_addresses:
            number = int(one.network_address) + rest
            return number if _is_host(one, number) and number - number % _BLOCK not in near else None
        rest -= one.num_addresses
    return None


def _is_host(network: IPv4Network, number: int) -> bool:
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.prefixlen >= 31:
        return first <= number <= last
    return first < number < last
