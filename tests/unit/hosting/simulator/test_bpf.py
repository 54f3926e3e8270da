"""The socket filter: drops exactly the packets to the chosen addresses."""

from __future__ import annotations

import ipaddress
import random
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.simulator.bpf import Instruction, drop_program, set_drops


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


def test_the_kernel_takes_the_filter_and_drops_it_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = listener.getsockname()
        set_drops(listener, [])
        set_drops(listener, ["127.0.0.1"])
        with pytest.raises(TimeoutError):
            socket.create_connection(where, timeout=0.3)
        set_drops(listener, ["127.0.0.2"])
        socket.create_connection(where, timeout=2).close()
        set_drops(listener, [])
        socket.create_connection(where, timeout=2).close()
