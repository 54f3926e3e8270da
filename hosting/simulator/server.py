"""The RPC port of all machines: one listener on the loopback device, raw sockets on the event loop.

Which machine is meant comes from the accepted socket's own address. The usual case (a healthy machine, the
request already there) is handled within one callback: accept, read, render, send, close.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable

from hosting.simulator.card import Card
from hosting.simulator.drops import Dropper
from hosting.simulator.oracle import reply_mask
from hosting.simulator.simulation import Simulation
from hosting.simulator.switches import REPLIES
from hosting.simulator.wire import Request, parse_request

BACKLOG = 4096
ACCEPT_BATCH = 64
READ_BYTES = 8192
REQUEST_CACHE = 4096
_NOW = socket.MSG_DONTWAIT
_RST = struct.pack("ii", 1, 0)  # SO_LINGER on with 0 s: close sends RST


class ListenError(OSError):
    """A port cannot be served; the message says what to do."""


def listen_on_loopback(port: int) -> socket.socket:
    """A non-blocking listener for every 127.x.y.z on `port`, bound to the device lo.

    The binding makes it unreachable from outside. ListenError when the kernel refuses it.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        sock.bind(("0.0.0.0", port))  # noqa: S104 - bound to lo above
        sock.listen(BACKLOG)
    except PermissionError as error:
        sock.close()
        hint = "below 1024: move it up" if port < 1024 else "SO_BINDTODEVICE needs Linux 5.7 or root"
        raise ListenError(f"port {port} may not be opened ({hint})") from error
    except OSError as error:
        sock.close()
        raise ListenError(f"port {port} cannot be opened: {error.strerror}") from error
    sock.setblocking(False)
    return sock


class Listener:
    """Accepts connections on one port and gives each to `handle` with its machine's card."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        simulation: Simulation,
        port: int,
        handle: Callable[[socket.socket, Card], None],
    ) -> None:
        self.loop = loop
        self.simulation = simulation
        self.port = port
        self.sock = listen_on_loopback(port)
        self._dropper = Dropper(self.sock)
        self._handle = handle
        loop.add_reader(self.sock, self._accept)

    def close(self) -> None:
        """Stop listening."""
        self.loop.remove_reader(self.sock)
        self._dropper.close()
        self.sock.close()

    def drop(self, addresses: set[str]) -> None:
        """Drop SYNs to these addresses from now on."""
        self._dropper.set(addresses)

    def _accept(self) -> None:
        by_address = self.simulation.by_address
        for _ in range(ACCEPT_BATCH):
            try:
                conn, _peer = self.sock.accept()
            except BlockingIOError:
                return
            except OSError:  # out of descriptors, or the peer has gone: the next readiness tries again
                self.simulation.oracle.outcomes["accept_failed"] += 1
                return
            card = by_address.get(conn.getsockname()[0])
            if card is None:
                self.simulation.oracle.unknown_address += 1
                conn.close()
                continue
            self._handle(conn, card)


class RpcServer:
    """The cgminer API of every machine."""

    def __init__(self, loop: asyncio.AbstractEventLoop, simulation: Simulation) -> None:
        self.loop = loop
        self.simulation = simulation
        self.oracle = simulation.oracle
        self._parsed: dict[bytes, tuple[Request, int]] = {}
        self._open: set[socket.socket] = set()
        self._queues: dict[int, deque[socket.socket]] = {}  # serial machines that are busy

    def connect(self, conn: socket.socket, card: Card) -> None:
        """A new connection to a machine."""
        self.oracle.connections[card.index] += 1
        if self.simulation.plain[card.index] or self._admit(conn, card):
            self._listen_to(conn, card)

    def _admit(self, conn: socket.socket, card: Card) -> bool:
        """What a misbehaving machine does with a connection before it reads; False when that was all."""
        switches = card.switches
        if switches.transport == "reset":  # once the request is there, lest connect() itself fails
            self.oracle.outcomes["reset"] += 1
            self._wait(conn, lambda: self._reset(conn))
            return False
        if switches.transport == "hang":
            self.oracle.outcomes["hang"] += 1
            self._wait(conn, lambda: self._swallow(conn))
            return False
        if switches.serial_api:
            if card.index in self._queues:
                self._queues[card.index].append(conn)  # not read before its turn
                self._open.add(conn)
                return False
            self._queues[card.index] = deque()
        return True

    def _listen_to(self, conn: socket.socket, card: Card) -> None:
        """Read the request if it is there already, which spares the loop; else wait for it."""
        try:
            raw = conn.recv(READ_BYTES, _NOW)
        except BlockingIOError:
            self._wait(conn, lambda: self._ready(conn, card))
        except OSError:
            self._done(conn, card)
        else:
            self._got(conn, card, raw)

    def _ready(self, conn: socket.socket, card: Card) -> None:
        raw = self._read(conn)
        if raw is not None:
            self._got(conn, card, raw)

    def _got(self, conn: socket.socket, card: Card, raw: bytes) -> None:
        if self.simulation.plain[card.index] or not raw:
            self._answer(conn, card, raw)
            return
        if card.switches.transport == "denied":
            self.oracle.outcomes["denied"] += 1
            self._done(conn, card)
            return
        delay = self.simulation.latency_s(card.switches)
        if delay > 0:
            self._open.add(conn)
            self.loop.call_later(delay, self._answer_late, conn, card, raw)
        else:
            self._answer(conn, card, raw)

    def _answer_late(self, conn: socket.socket, card: Card, raw: bytes) -> None:
        self._open.discard(conn)
        self._answer(conn, card, raw)

    def _answer(self, conn: socket.socket, card: Card, raw: bytes) -> None:
        """Reply to a request that was read; b"" is a peer that closed without one."""
        if not raw:
            self.oracle.outcomes["no_request"] += 1
            self._done(conn, card)
            return
        request, mask = self._parse(raw)
        reply = self.simulation.reply(card, request)
        try:
            sent = conn.send(reply, _NOW)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.oracle.outcomes["peer_gone"] += 1
            self._done(conn, card)
            return
        if sent < len(reply):
            self._send_rest(conn, card, memoryview(reply)[sent:])
        else:
            self._done(conn, card)
        self._book(card, request, mask, len(reply))

    def _book(self, card: Card, request: Request, mask: int, size: int) -> None:
        oracle, kind = self.oracle, card.switches.reply
        oracle.requests[card.index] += 1
        oracle.bytes_sent += size
        oracle.outcomes[kind] += 1
        if request.writes:
            oracle.writes[request.label] += 1
        refused = request.joined and card.switches.joined_refused
        if mask and not refused and REPLIES[kind] is None:
            oracle.served(time.time(), card.index, mask)
        if refused:
            oracle.outcomes["joined_refused"] += 1

    def _parse(self, raw: bytes) -> tuple[Request, int]:
        """The request and its mask; collectors send the same few byte strings, so they are remembered."""
        known = self._parsed.get(raw)
        if known is None:
            request = parse_request(raw)
            known = (request, reply_mask(request))
            if len(self._parsed) < REQUEST_CACHE:
                self._parsed[raw] = known
                self.oracle.requests_seen.append(request)
            else:
                self.oracle.other_commands[request.label] += 1
        known[0].count += 1
        return known

    # --- sockets ----------------------------------------------------------------------------------

    def _wait(self, conn: socket.socket, ready: Callable[[], None]) -> None:
        conn.setblocking(False)
        self._open.add(conn)
        self.loop.add_reader(conn, ready)

    def _read(self, conn: socket.socket) -> bytes | None:
        """What came, and the end of waiting; None when nothing did after all."""
        try:
            raw = conn.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            raw = b""
        self._forget(conn)
        return raw

    def _forget(self, conn: socket.socket) -> None:
        self.loop.remove_reader(conn)
        self._open.discard(conn)

    def _swallow(self, conn: socket.socket) -> None:
        """A machine that hangs reads and never answers; the connection stays until the peer goes."""
        try:
            if conn.recv(READ_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._forget(conn)
        conn.close()

    def _reset(self, conn: socket.socket) -> None:
        self._forget(conn)
        try:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        finally:
            conn.close()

    def _send_rest(self, conn: socket.socket, card: Card, rest: memoryview) -> None:
        def more(left: memoryview = rest) -> None:
            try:
                sent = conn.send(left)
            except BlockingIOError:
                return
            except OSError:
                sent = len(left)
            self.loop.remove_writer(conn)
            if sent < len(left):
                self.loop.add_writer(conn, more, left[sent:])
            else:
                self._open.discard(conn)
                self._done(conn, card)

        conn.setblocking(False)
        self._open.add(conn)
        self.loop.add_writer(conn, more)

    def _done(self, conn: socket.socket, card: Card) -> None:
        """Close; a serial machine turns to whoever waits."""
        conn.close()
        queue = self._queues.get(card.index)
        if queue is None:
            return
        if not queue:
            del self._queues[card.index]
            return
        following = queue.popleft()
        self._open.discard(following)
        self._listen_to(following, card)

    def close(self) -> None:
        """Drop every open connection."""
        for conn in list(self._open):
            if conn.fileno() >= 0:
                self.loop.remove_reader(conn)
                self.loop.remove_writer(conn)
                conn.close()
        self._open.clear()
