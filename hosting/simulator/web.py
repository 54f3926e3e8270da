"""Port 80 of the machines: the digest-protected CGI of stock Antminers, front pages of the others."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from hosting.simulator.card import Card
from hosting.simulator.dialects.antminer_web import PAGES
from hosting.simulator.simulation import Simulation

REALM = "antMiner Configuration"
MAX_HEAD = 16_384
IDLE_S = 10.0
_PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True, slots=True)
class Login:
    """The digest login of the site's Antminers."""

    user: str
    password: str


def digest_ok(header: str, method: str, nonce: str, login: Login) -> bool:
    """Whether an `Authorization: Digest` header (RFC 7616, MD5, with or without qop) proves the login."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "digest":
        return False
    parts = {key: quoted or bare for key, quoted, bare in _PAIR.findall(rest)}
    if parts.get("username") != login.user or parts.get("nonce") != nonce or parts.get("realm") != REALM:
        return False
    ha1 = _md5(f"{login.user}:{REALM}:{login.password}")
    ha2 = _md5(f"{method}:{parts.get('uri', '')}")
    middle = f"{nonce}:{parts.get('nc')}:{parts.get('cnonce')}:{parts['qop']}" if "qop" in parts else nonce
    return secrets.compare_digest(parts.get("response", ""), _md5(f"{ha1}:{middle}:{ha2}"))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class WebServer:
    """HTTP/1.1, one request a connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, simulation: Simulation, login: Login) -> None:
        self.loop = loop
        self.simulation = simulation
        self.login = login
        self.nonce = secrets.token_hex(16)

    def connect(self, conn: socket.socket, card: Card) -> None:
        """A new connection to a machine's web page."""
        conn.setblocking(False)
        transport = card.switches.transport
        if transport in {"reset", "denied"}:
            conn.close()
            return
        buffer = bytearray()
        timer = self.loop.call_later(IDLE_S if transport != "hang" else 60.0, self._close, conn)
        if transport == "hang":
            return
        self.loop.add_reader(conn, self._ready, conn, card, buffer, timer)

    def _close(self, conn: socket.socket) -> None:
        if conn.fileno() >= 0:
            self.loop.remove_reader(conn)
            conn.close()

    def _ready(self, conn: socket.socket, card: Card, buffer: bytearray, timer: asyncio.TimerHandle) -> None:
        try:
            data = conn.recv(8192)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        buffer += data
        head, found, body = bytes(buffer).partition(b"\r\n\r\n")
        if data and not found and len(buffer) < MAX_HEAD:
            return
        if data and found and len(body) < _content_length(head) <= MAX_HEAD:
            return
        timer.cancel()
        if found:
            self._send(conn, self._respond(card, head.decode("latin-1")))
        self._close(conn)

    def _send(self, conn: socket.socket, reply: bytes) -> None:
        try:
            conn.send(reply)  # a page is far smaller than the send buffer
        except OSError:
            self.simulation.oracle.http["peer_gone"] += 1

    def _respond(self, card: Card, head: str) -> bytes:
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        self.simulation.oracle.http[f"{method} {path}"[:80]] += 1
        if card.dialect != "antminer":
            return _front_page(card)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        page: Callable[..., str] | None = PAGES.get(path)
        if page is None and path != "/":
            return _reply("404 Not Found", "text/html", "<html><body>404 - Not Found</body></html>")
        if not digest_ok(headers.get("authorization", ""), method, self.nonce, self.login):
            challenge = f'WWW-Authenticate: Digest realm="{REALM}", nonce="{self.nonce}", qop="auth"\r\n'
            return _reply("401 Unauthorized", "text/html", "401 - Unauthorized", challenge)
        if page is None:
            return _reply("200 OK", "text/html", "<html><title>Ant Miner</title></html>")
        if method != "GET":
            self.simulation.oracle.writes[f"{method} {path}"] += 1
            return _reply("403 Forbidden", "text/html", "403 - Forbidden")
        body = page(card, self.simulation.view.row(card.index), int(self.simulation.now))
        return _reply("200 OK", "application/json", body)


def _content_length(head: bytes) -> int:
    found = re.search(rb"(?i)content-length:\s*(\d+)", head)
    return int(found.group(1)) if found else 0


def _front_page(card: Card) -> bytes:
    if card.dialect == "whatsminer_v2":
        where = f"Location: https://{card.address}/cgi-bin/luci\r\n"
        return _reply("307 Temporary Redirect", "text/html", "", where)
    if card.dialect == "avalon":
        return _reply("200 OK", "text/html", "<html><title>Avalon Device</title></html>")
    return _reply("404 Not Found", "text/html", "Not Found")


def _reply(status: str, kind: str, body: str, extra: str = "") -> bytes:
    data = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{extra}"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + data
