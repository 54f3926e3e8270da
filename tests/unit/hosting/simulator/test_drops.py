"""Dropped SYNs: exactly those to the chosen addresses, by filter or by full queues."""

from __future__ import annotations

import ipaddress
import random
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.simulator.drops import Dropper, FullQueues, Instruction, attach, drop_program
from hosting.simulator.server import ListenError, listen_on_loopback


def passes(program: list[Instruction], address: int) -> bool:
    """Run a program for a packet to `address`, as the kernel would."""
    at, accumulator = 0, 0
    while True:
        code, jump_true, jump_false, value = program[at]
        at += 1
        if code == 0x20:
            accumulator = address
        elif code == 0x15:
            at += jump_true if accumulator == value else jump_false
        elif code == 0x35:
            at += jump_true if accumulator >= value else jump_false
        elif code == 0x05:
            at += value
        else:
            return value != 0


addresses = st.integers(
    int(ipaddress.IPv4Address("127.0.0.0")), int(ipaddress.IPv4Address("127.255.255.255"))
)


@settings(max_examples=60, deadline=None)
@given(dropped=st.sets(addresses, max_size=300), others=st.lists(addresses, max_size=20))
def test_only_the_chosen_are_dropped(dropped: set[int], others: list[int]) -> None:
    program = drop_program(str(ipaddress.IPv4Address(key)) for key in dropped)
    for key in dropped:
        assert not passes(program, key)
        assert passes(program, key + 1) == (key + 1 not in dropped)
    assert all(passes(program, key) == (key not in dropped) for key in others)


def test_jumps_fit_their_byte_and_thousands_fit_one_filter() -> None:
    rng = random.Random(1)
    keys = {f"127.{rng.randrange(10, 250)}.{rng.randrange(256)}.{rng.randrange(256)}" for _ in range(3500)}
    program = drop_program(keys)
    assert len(program) <= 4096
    assert all(0 <= jump < 256 for _, true, false, _ in program for jump in (true, false))
    assert not passes(program, int(ipaddress.IPv4Address(min(keys))))


def test_too_many_are_refused() -> None:
    with pytest.raises(ValueError, match="more than one socket filter"):
        drop_program(f"127.{i >> 16}.{(i >> 8) & 255}.{i & 255}" for i in range(5000))


@pytest.mark.parametrize("way", ["filter", "queues", "dropper"])
def test_the_kernel_drops_and_lets_through_again(way: str) -> None:
    with listen_on_loopback(0) as listener:
        port = listener.getsockname()[1]

        def drop(addresses: set[str]) -> None:
            if way == "filter":
                try:
                    attach(listener, addresses)
                except PermissionError:
                    pytest.skip("this kernel keeps filters on TCP from plain users")
            else:
                (queues if way == "queues" else dropper).set(addresses)

        queues, dropper = FullQueues(listener), Dropper(listener)
        drop(set())
        drop({"127.3.0.1", "127.3.0.2"})
        for address in ("127.3.0.1", "127.3.0.2"):
            with pytest.raises(TimeoutError):
                socket.create_connection((address, port), timeout=0.3)
        socket.create_connection(("127.3.0.3", port), timeout=2).close()
        drop({"127.3.0.2", "127.3.0.3"})
        socket.create_connection(("127.3.0.1", port), timeout=2).close()
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.3.0.3", port), timeout=0.3)
        drop(set())
        for address in ("127.3.0.1", "127.3.0.2", "127.3.0.3"):
            socket.create_connection((address, port), timeout=2).close()


def test_full_queues_let_no_second_process_share_the_port() -> None:
    with listen_on_loopback(0) as listener:
        queues = FullQueues(listener)
        queues.set({"127.3.0.9"})
        with pytest.raises(ListenError, match="cannot be opened"):
            listen_on_loopback(listener.getsockname()[1])
        queues.set(set())
