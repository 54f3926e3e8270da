"""Tests speak to loopback only."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock


class NetworkBlockedError(RuntimeError):
    """A test tried to reach something outside of this machine."""


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):  # a Unix socket
        return True
    host = str(address[0]).split("%")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"localhost", ""}


@contextmanager
def only_loopback() -> Iterator[None]:
    """Refuse every connect of a Python socket that leaves this machine (NetworkBlockedError)."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guard(address: Any) -> None:
        if not _is_loopback(address):
            raise NetworkBlockedError(f"a test tried to reach {address}")

    def guarded(self: socket.socket, address: Any) -> None:
        guard(address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        guard(address)
        return connect_ex(self, address)

    with (
        mock.patch.object(socket.socket, "connect", guarded),
        mock.patch.object(socket.socket, "connect_ex", guarded_ex),
    ):
        yield
