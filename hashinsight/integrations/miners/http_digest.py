"""GET with digest authentication for miners' web pages (Antminer CGI): RFC 7616, MD5, qop=auth.

Small on purpose: one request a connection, no redirects, no cookies.  The login comes from the caller; no
default password is ever tried, and a password goes only to a page whose realm is the expected one, only as
a digest.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.readings import MissCause
from hashinsight.integrations.miners.transport import (
    DEFAULT_DEADLINES,
    MAX_REPLY,
    Deadlines,
    Exchange,
    converse,
)

__all__ = ["ANTMINER_REALM", "HttpLogin", "HttpReply", "get"]

ANTMINER_REALM = "antMiner Configuration"

_MAX_HEAD = 16 * 1024
_PATH = re.compile(r"/[A-Za-z0-9/_.?=&%~-]{0,512}")
_PARAMETER = re.compile(r'([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\]')


@dataclass(frozen=True, slots=True)
class HttpLogin:
    """A login for miners' web pages; the password shows in no repr and no log."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status code, headers (names in lower case, the last of equal names wins) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Challenge:
    realm: str
    nonce: str
    opaque: str | None
    qop: bool


class _HttpExchange(Exchange):
    """Whole when Content-Length bytes have come, or the last chunk, or at EOF when neither is announced."""

    _head_end = -1
    _wanted: int | None = None
    _chunked = False

    def complete(self, data: bytes) -> bool:
        if self._head_end < 0:
            received = self.received()
            end = received.find(b"\r\n\r\n")
            if end < 0:
                if len(received) > _MAX_HEAD or not b"HTTP/".startswith(received[:5]):
                    self._fail(MissCause.WRONG_PROTOCOL, "no HTTP reply")
                return False
            self._head_end = end + 4
            headers = _headers(received[:end])
            length = headers.get("content-length", "")
            self._wanted = int(length) if re.fullmatch("[0-9]{1,9}", length) else None
            self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        if self._chunked:
            return (data if len(data) > 16 else self.received()).endswith(b"0\r\n\r\n")
        return self._wanted is not None and self._size >= self._head_end + self._wanted


def _headers(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


def _parse(raw: bytes) -> HttpReply:
    """A raw reply.  Raises ``MinerError``: WRONG_PROTOCOL, TRUNCATED."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3})(?: |\r|$)", head)
    if status is None:
        raise MinerError(MissCause.WRONG_PROTOCOL, "no HTTP reply")
    if not separator:
        raise MinerError(MissCause.TRUNCATED, "HTTP head cut")
    headers = _headers(head)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _dechunk(body)
    elif re.fullmatch("[0-9]{1,9}", headers.get("content-length", "")):
        length = int(headers["content-length"])
        if len(body) < length:
            raise MinerError(MissCause.TRUNCATED, f"{len(body)} of {length} bytes")
        body = body[:length]
    return HttpReply(int(status[1]), headers, body)


def _dechunk(body: bytes) -> bytes:
    out: list[bytes] = []
    position = 0
    while True:
        line_end = body.find(b"\r\n", position)
        size_text = body[position:line_end].split(b";")[0].strip() if line_end >= 0 else b""
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,6}", size_text):
            raise MinerError(MissCause.TRUNCATED, "chunked body cut")
        size = int(size_text, 16)
        start = line_end + 2
        if size == 0:
            return b"".join(out)
        if len(body) < start + size + 2:
            raise MinerError(MissCause.TRUNCATED, "chunked body cut")
        out.append(body[start : start + size])
        position = start + size + 2


def _challenge(reply: HttpReply, realm: str) -> _Challenge:
    """The digest challenge of a 401.  ``MinerError`` DENIED when it is none that we answer."""
    scheme, _, rest = reply.headers.get("www-authenticate", "").partition(" ")
    parameters = {match[1].lower(): match[2] or match[3] or "" for match in _PARAMETER.finditer(rest[:4096])}
    if scheme.lower() != "digest" or "nonce" not in parameters:
        raise MinerError(MissCause.DENIED, "the page asks for no digest login")
    if parameters.get("algorithm", "MD5").upper() != "MD5":
        raise MinerError(MissCause.DENIED, "the page asks for another digest than MD5")
    if parameters.get("realm") != realm:
        raise MinerError(MissCause.DENIED, "the page has another realm than expected")
    offered = {word.strip().lower() for word in parameters.get("qop", "").split(",")}
    if "qop" in parameters and "auth" not in offered:
        raise MinerError(MissCause.DENIED, "the page asks for another qop than auth")
    return _Challenge(realm, parameters["nonce"], parameters.get("opaque"), "qop" in parameters)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()


def authorization(login: HttpLogin, challenge: _Challenge, path: str, cnonce: str) -> str:
    """The value of the Authorization header for a GET (RFC 7616 3.4; without qop as in RFC 2069)."""
    secret = _md5(f"{login.user}:{challenge.realm}:{login.password}")
    request = _md5(f"GET:{path}")
    fields = [
        f'username="{login.user}"',
        f'realm="{challenge.realm}"',
        f'nonce="{challenge.nonce}"',
        f'uri="{path}"',
        "algorithm=MD5",
    ]
    if challenge.qop:
        response = _md5(f"{secret}:{challenge.nonce}:00000001:{cnonce}:auth:{request}")
        fields += ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"']
    else:
        response = _md5(f"{secret}:{challenge.nonce}:{request}")
    fields.append(f'response="{response}"')
    if challenge.opaque is not None:
        fields.append(f'opaque="{challenge.opaque}"')
    return "Digest " + ", ".join(fields)


async def _get_once(
    host: str, port: int, path: str, *, deadlines: Deadlines, max_bytes: int, authorize: str | None
) -> HttpReply:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Accept: */*", "Connection: close"]
    if authorize is not None:
        lines.append(f"Authorization: {authorize}")
    payload = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return _parse(
        await converse(host, port, _HttpExchange(payload, deadlines, max_bytes), deadlines.connect_s)
    )


async def get(
    host: str,
    port: int,
    path: str,
    login: HttpLogin | None = None,
    deadlines: Deadlines = DEFAULT_DEADLINES,
    *,
    realm: str = ANTMINER_REALM,
    max_bytes: int = MAX_REPLY,
) -> HttpReply:
    """GETs a page, answering a digest challenge of ``realm`` once (twice when the nonce is stale).

    The deadlines hold for each connection.  Without a login a 401 is returned as it is; with one, a 401
    that stays is DENIED.  Other codes are returned.  Raises ``MinerError``; ``ValueError`` for a path or
    user with odd characters.
    """
    if _PATH.fullmatch(path) is None:
        raise ValueError("not a plain path")
    if login is not None and _UNSAFE.search(login.user):
        raise ValueError("the user name has characters that no header can carry")
    reply = await _get_once(host, port, path, deadlines=deadlines, max_bytes=max_bytes, authorize=None)
    for _ in range(2):
        if reply.status != 401 or login is None:
            return reply
        challenge = _challenge(reply, realm)
        answer = authorization(login, challenge, path, secrets.token_hex(8))
        reply = await _get_once(host, port, path, deadlines=deadlines, max_bytes=max_bytes, authorize=answer)
        if reply.status == 401 and "stale=true" not in reply.headers.get("www-authenticate", "").lower():
            break
    if reply.status == 401:
        raise MinerError(MissCause.DENIED, "the login is not accepted")
    return reply
