"""Spoilt replies: what real firmware gets wrong on the wire, and what an attacker would send."""

from __future__ import annotations

import re
from collections.abc import Callable

HUGE_BYTES = 1_200_000
DEEP_LEVELS = 100_000
SCRIPT_WORKER = '<script>alert(1)</script><img src=x onerror=alert(2)>"'

_UTILITY = re.compile(rb'"Utility":[0-9.]+')
_NUMBER = re.compile(rb":(-?\d+\.\d+)(?=[,}])")
_MESSAGE = re.compile(rb'"Msg":("[^"]*")')
_DESCRIPTION = re.compile(rb'"Description":"([^"]*)"')
_USER = re.compile(rb'"User":"[^"]*"')
_ERROR_CODES = re.compile(rb'"error_code":\[[^\]]*\]')


def _missing_comma(body: bytes) -> bytes:
    return body.replace(b"},{", b"}{", 1) + b"\0"


def _list_comma(body: bytes) -> bytes:
    return body.replace(b"[{", b"[,{", 1) + b"\0"


def _trailing_comma(body: bytes) -> bytes:
    return body[:-1] + b",}\0"


def _in_text(body: bytes, insert: bytes) -> bytes:
    """Put bytes inside the worker name, or where there is none inside the description."""
    if _USER.search(body):
        return _USER.sub(lambda m: m.group(0)[:-1] + insert + b'"', body, count=1)
    return _DESCRIPTION.sub(lambda m: b'"Description":"' + m.group(1) + insert + b'"', body, count=1)


def _temp0(body: bytes) -> bytes:
    """A string value whose comma is lost before the key `temp0`."""
    spoilt = _MESSAGE.sub(lambda m: b'"Msg":' + m.group(1) + b'"temp0":31.5', body, count=1)
    if spoilt == body:
        spoilt = _DESCRIPTION.sub(lambda m: b'"Description":"' + m.group(1) + b'""temp0":31.5', body, count=1)
    return spoilt + b"\0"


def _error_code_list(body: bytes) -> bytes:
    return (
        _ERROR_CODES.sub(b'"error_code":["111":"2026-01-05 10:11:12","206":"2026-01-05 10:11:13"]', body)
        + b"\0"
    )


def _nan(body: bytes, words: tuple[bytes, bytes]) -> bytes:
    spoilt = _UTILITY.sub(b'"Utility":' + words[0], body, count=1)
    spoilt = spoilt.replace(b'"Device Hardware%":0.0000', b'"Device Hardware%":' + words[1], 1)
    return spoilt + b"\0"


def _string_numbers(body: bytes) -> bytes:
    return _NUMBER.sub(rb':"\1"', body) + b"\0"


def _empty_strings(body: bytes) -> bytes:
    spoilt = _UTILITY.sub(b'"Utility":""', body)
    return spoilt.replace(b'"Network Blocks":', b'"Network Blocks":"","Old Blocks":') + b"\0"


def _script(body: bytes) -> bytes:
    name = SCRIPT_WORKER.replace('"', '\\"').encode()
    return _USER.sub(lambda _m: b'"User":"' + name + b'"', body) + b"\0"


def _huge(body: bytes) -> bytes:
    return body[:-1] + b',"padding":"' + b"A" * HUGE_BYTES + b'"}\0'


def _deep(body: bytes) -> bytes:
    return body[:-1] + b',"deep":' + b"[" * DEEP_LEVELS + b"]" * DEEP_LEVELS + b"}\0"


def _access_denied(body: bytes) -> bytes:
    head = (
        b'{"STATUS":[{"STATUS":"E","When":1477449270,"Code":45,"Msg":"Access denied to \'summary\' command",'
    )
    return head + b'"Description":"cgminer 4.11.1"}],"id":1}\0'


_SPOILERS: dict[str, Callable[[bytes], bytes]] = {
    "missing_comma": _missing_comma,
    "list_comma": _list_comma,
    "trailing_comma": _trailing_comma,
    "raw_newline": lambda body: _in_text(body, b"\n") + b"\0",
    "control_bytes": lambda body: _in_text(body, b"\x01\t\x1f") + b"\0",
    "temp0_quote": _temp0,
    "error_code_list": _error_code_list,
    "quoted_nan": lambda body: _nan(body, (b'"nan"', b'"inf"')),
    "bare_nan": lambda body: _nan(body, (b"nan", b"-inf")),
    "doubled": lambda body: body + b"\0" + body + b',"id":1}\0',
    "bad_utf8": lambda body: _in_text(body, b"caf\xe9\xff") + b"\0",
    "string_numbers": _string_numbers,
    "empty_strings": _empty_strings,
    "no_nul": lambda body: body,
    "newline_end": lambda body: body + b"\n",
    "nul_newline": lambda body: body + b"\0\n",
    "script": _script,
    "truncated": lambda body: body[: max(len(body) * 3 // 5, 20)],
    "id_only": lambda body: b',"id":1}\0',
    "bye": lambda body: b'{"BYE","id":1}\0',
    "huge": _huge,
    "deep": _deep,
    "http": lambda body: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "backend_down": lambda body: b"Socket connect failed: Connection refused\n",
    "access_denied": _access_denied,
}


def spoil(kind: str, body: bytes) -> bytes:
    """The bytes on the wire for a JSON reply `body` (without NUL) under the reply switch `kind`."""
    return _SPOILERS[kind](body)
