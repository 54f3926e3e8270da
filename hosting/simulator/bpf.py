"""Dropping the SYNs of chosen addresses: a classic BPF program on the listener (needs no privilege)."""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from collections.abc import Iterable

SO_ATTACH_FILTER = 26
SO_DETACH_FILTER = 27
MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS

_LD_ABS_W = 0x20
_JEQ, _JGE, _JA = 0x15, 0x35, 0x05
_RET = 0x06
_NET_OFF = 0xFFF00000  # SKF_NET_OFF: offsets from the IP header
_DESTINATION = 16  # of the IPv4 header
_LEAF = 32
_DROP = (_RET, 0, 0, 0)
_PASS = (_RET, 0, 0, 0xFFFFFFFF)

Instruction = tuple[int, int, int, int]


def drop_program(addresses: Iterable[str]) -> list[Instruction]:
    """Instructions that drop packets to any of `addresses`; ValueError when they are too many (~3,700)."""
    keys = sorted({int(ipaddress.IPv4Address(address)) for address in addresses})
    program = [(_LD_ABS_W, 0, 0, (_NET_OFF + _DESTINATION) & 0xFFFFFFFF), *_search(keys)]
    if len(program) > MAX_INSTRUCTIONS:
        raise ValueError(f"{len(keys)} addresses are more than one socket filter can hold")
    return program


def _search(keys: list[int]) -> list[Instruction]:
    """Binary search down to short linear runs, because a conditional jump reaches only 255 instructions."""
    if len(keys) <= _LEAF:
        count = len(keys)
        tests = [(_JEQ, count - i, 0, key) for i, key in enumerate(keys)]
        return [*tests, _PASS, _DROP] if keys else [_PASS]
    middle = len(keys) // 2
    left, right = _search(keys[:middle]), _search(keys[middle:])
    return [(_JGE, 0, 1, keys[middle]), (_JA, 0, 0, len(left)), *left, *right]


def set_drops(sock: socket.socket, addresses: Iterable[str]) -> None:
    """Make a listener drop SYNs to `addresses` from now on (connections that stand go on); none clears it."""
    wanted = list(addresses)
    if not wanted:
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        except FileNotFoundError:
            return  # there was none
        return
    program = drop_program(wanted)
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, header)
