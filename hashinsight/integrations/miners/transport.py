"""The wire of the cgminer API: connect, one request, read to the first NUL or EOF.

The reference server (cgminer 4.11.1, ``api.c``) reads a request with one ``recv`` of 4,096 bytes, answers
with one NUL at the end and closes.  It serves one client at a time, so nothing here opens a connection
without sending at once.  LuxOS ends with a newline and may keep the socket open.

A lean Protocol instead of streams: one future, one timer, no task per request.
"""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from typing import cast

import orjson

from hashinsight.integrations.miners.errors import LocalFaultError, MinerError
from hashinsight.integrations.miners.readings import MissCause

__all__ = [
    "DEFAULT_DEADLINES",
    "MAX_REPLY",
    "MAX_REQUEST",
    "Deadlines",
    "Exchange",
    "MinerError",
    "ask",
    "converse",
]

MAX_REQUEST = 4095
MAX_REPLY = 1 << 20

# A reply that ends in "}\n" is tried as JSON at most this often, so that a peer that drips newlines costs
# little.
_NEWLINE_TRIES = 16

_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN})
_RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds.  ``first_byte_s`` counts from the connect, ``total_s`` from the start of the request."""

    connect_s: float = 1.0
    first_byte_s: float = 3.0
    total_s: float = 5.0


DEFAULT_DEADLINES = Deadlines()


class Exchange(asyncio.Protocol):
    """One request and its reply.  Subclasses say in ``complete`` when the reply is whole before EOF."""

    def __init__(self, payload: bytes, deadlines: Deadlines, max_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._payload = payload
        self._first_byte_s = deadlines.first_byte_s
        self._ends_at = self._loop.time() + deadlines.total_s
        self._max_bytes = max_bytes
        self._chunks: list[bytes] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[bytes] = self._loop.create_future()

    def complete(self, data: bytes) -> bool:
        """Whether the reply is whole now that ``data`` (already in ``received()``) has come."""
        raise NotImplementedError

    def whole_at_end(self) -> bool:
        """Whether what has come may count as a whole reply although the line broke or the time is up."""
        return False

    def received(self) -> bytes:
        """All bytes so far."""
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    # -- asyncio.Protocol ----------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports only look like asyncio's: they are no subclass.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._payload)
        first_byte_at = self._loop.time() + self._first_byte_s
        self._timer = self._loop.call_at(min(first_byte_at, self._ends_at), self._expired)

    def data_received(self, data: bytes) -> None:
        if self.done.done():
            return
        self._size += len(data)
        if self._size > self._max_bytes:
            self._fail(MissCause.UNDECODABLE, f"reply over {self._max_bytes} bytes")
            return
        first = not self._chunks
        self._chunks.append(data)
        if self.complete(data):
            self._finish()
        elif first:
            self._restart_timer()

    def eof_received(self) -> None:
        self._end_of_stream()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done.done():
            return
        if exc is None:
            self._end_of_stream()
        elif self.whole_at_end():
            self._finish()
        else:
            self._fail(MissCause.RESET, f"connection reset after {self._size} bytes")

    # -- ends ----------------------------------------

    def _end_of_stream(self) -> None:
        if self.done.done():
            return
        if self._size:
            self._finish()
        else:
            self._fail(MissCause.EMPTY, "connection closed with 0 bytes")

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._ends_at, self._expired)

    def _expired(self) -> None:
        if self.done.done():
            return
        if not self._chunks:
            self._fail(MissCause.TIMEOUT, "no first byte in time")
        elif self.whole_at_end():
            self._finish()
        else:
            self._fail(MissCause.TIMEOUT, f"reply not finished in time, {self._size} bytes")

    def _finish(self) -> None:
        self.done.set_result(self.received())

    def _fail(self, cause: MissCause, detail: str) -> None:
        self.done.set_exception(MinerError(cause, detail))

    def close(self) -> None:
        """Frees socket and timer; may be called at any time, also twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        if not self.done.done():
            self.done.cancel()
        elif not self.done.cancelled():
            self.done.exception()  # marks it as seen: a failure after a cancelled wait is no one's business


class _RpcExchange(Exchange):
    """cgminer API: whole at the first NUL; LuxOS: whole when a JSON document ended with a newline."""

    _tries = _NEWLINE_TRIES

    def complete(self, data: bytes) -> bool:
        if b"\0" in data:
            return True
        if data.endswith(b"\n") and self._tries:
            self._tries -= 1
            return self.whole_at_end()
        return False

    def whole_at_end(self) -> bool:
        data = self.received().rstrip()
        if not (data.startswith(b"{") and data.endswith(b"}")):
            return False
        try:
            orjson.loads(data)
        except orjson.JSONDecodeError:
            return False
        return True


def _connect_error(error: OSError) -> Exception:
    """A failed connect as a miss of the miner, or as our own fault."""
    number = error.errno
    if isinstance(error, ConnectionRefusedError):
        return MinerError(MissCause.REFUSED, "connection refused")
    if isinstance(error, TimeoutError) or number in _UNREACHABLE:
        return MinerError(MissCause.TIMEOUT, f"no connection: {error.strerror or 'timed out'}")
    if number in _RESET:
        return MinerError(MissCause.RESET, "connection reset during connect")
    return LocalFaultError(number, error.strerror or str(error))


async def _connect(host: str, port: int, exchange: Exchange, connect_s: float) -> None:
    """``create_connection`` with a deadline, by one bare timer: ``asyncio.timeout`` costs as much as a tenth
    of the exchange.
    """
    loop = asyncio.get_running_loop()
    task = cast("asyncio.Task[object]", asyncio.current_task())
    cancelled_before = task.cancelling()
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    timer = loop.call_later(connect_s, expire)
    try:
        await loop.create_connection(lambda: exchange, host, port)
    except (asyncio.CancelledError, OSError) as error:
        if expired and task.uncancel() <= cancelled_before:
            raise MinerError(MissCause.TIMEOUT, "no connection: timed out") from None
        if isinstance(error, OSError):
            raise _connect_error(error) from None
        raise  # someone else's cancellation, which outranks our deadline
    finally:
        timer.cancel()


async def converse(host: str, port: int, exchange: Exchange, connect_s: float) -> bytes:
    """Connects, runs the exchange, always closes.  Raises ``MinerError`` or ``LocalFaultError``."""
    try:
        await _connect(host, port, exchange, connect_s)
        return await exchange.done
    finally:
        exchange.close()


async def ask(
    host: str,
    port: int,
    request: bytes,
    deadlines: Deadlines = DEFAULT_DEADLINES,
    *,
    max_bytes: int = MAX_REPLY,
) -> bytes:
    """Sends one request and returns the raw reply, including its NUL and what came after it in the same
    segment.

    ``request``: 1 to 4,095 bytes without NUL (the server would take a trailing one for broken JSON), else
    ``ValueError``.  Raises ``MinerError`` by cause; a cut reply is returned as it is, ``decode`` refuses it.
    ``LocalFaultError`` when this machine cannot open a socket.
    """
    if not 0 < len(request) <= MAX_REQUEST:
        raise ValueError(f"a request has 1 to {MAX_REQUEST} bytes, this one has {len(request)}")
    if b"\0" in request:
        raise ValueError("a request must not contain NUL")
    return await converse(host, port, _RpcExchange(request, deadlines, max_bytes), deadlines.connect_s)
