"""Dropping the SYNs of chosen addresses, as a machine that is off the network does.

Where the kernel lets us, by a classic BPF program on the listener. Newer kernels keep that from plain users
on TCP; then by a listener of its own for each address whose queue is kept full (two descriptors each).
"""

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


def attach(sock: socket.socket, addresses: Iterable[str]) -> None:
    """Filter a listener from now on (connections that stand go on); no address takes the filter away.

    PermissionError where the kernel keeps filters on TCP from us, ValueError for too many addresses.
    """
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


class FullQueues:
    """Listeners on single addresses beside a listener on all, each with a backlog of 0 that is taken.

    The kernel drops further SYNs to them. SO_REUSEPORT is on only while one is opened: it lets the addresses
    share the port, and must not let a second process in.
    """

    def __init__(self, main: socket.socket) -> None:
        self._main = main
        self._held: dict[str, tuple[socket.socket, socket.socket]] = {}

    def set(self, addresses: set[str]) -> None:
        """Drop SYNs to exactly these addresses."""
        for address in set(self._held) - addresses:
            for sock in self._held.pop(address):
                sock.close()
        self._main.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            for address in addresses - set(self._held):
                self._held[address] = self._hold(address)
        finally:
            self._main.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)

    def _hold(self, address: str) -> tuple[socket.socket, socket.socket]:
        port = self._main.getsockname()[1]
        listener, filler = socket.socket(), socket.socket()
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            listener.setsockopt(socket.SOL_SOCKET, option, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        listener.bind((address, port))
        listener.listen(0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        filler.setblocking(False)
        filler.connect_ex((address, port))
        return listener, filler


class Dropper:
    """Drops SYNs on one listener by whichever way works here."""

    def __init__(self, main: socket.socket) -> None:
        self._main = main
        self._queues: FullQueues | None = None

    def set(self, addresses: set[str]) -> None:
        """Drop SYNs to exactly these addresses from now on."""
        if self._queues is None:
            try:
                attach(self._main, addresses)
            except (PermissionError, ValueError):
                attach(self._main, ())
                self._queues = FullQueues(self._main)
        if self._queues is not None:
            self._queues.set(addresses)

    def close(self) -> None:
        """Let go of the addresses."""
        if self._queues is not None:
            self._queues.set(set())
