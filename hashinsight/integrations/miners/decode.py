"""Replies as bytes -> objects, and objects -> sections by command.

The usual reply costs one ``orjson.loads``.  Only what fails there goes through ``repair.Mender``.
``decode`` raises ``MinerError`` and nothing else, whatever the bytes are; a cut reply is ``TRUNCATED``,
never half an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.readings import MissCause, Repair
from hashinsight.integrations.miners.repair import MAX_DEPTH, Mender
from hashinsight.integrations.miners.units import integer, text

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_ITEMS", "MinerError", "Section", "decode", "sections"]

MAX_BYTES = 1 << 20
MAX_ITEMS = 20_000  # of one list or object; the largest real one has some hundred
# Mending costs about a microsecond a token, so only replies of a real one's size get it (the largest seen:
# 29 KB).
MAX_MENDED = 128 * 1024

SUCCESS = frozenset({"S", "I"})
CODE_INVALID_COMMAND = 14
CODE_ACCESS_DENIED = 45

_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_CONTAINERS = frozenset({dict, list})

_QUOTED_NON_FINITE = re.compile(rb':\s*"[-+]?(?:nan|inf)"')
_BARE_BYE = re.compile(rb'\{\s*"([A-Z]{2,16})"\s*,\s*"id"\s*:\s*([0-9]{1,9})\s*\}')
_HTTP = re.compile(rb"HTTP/[0-9.]+ |<!doctype|<html", re.IGNORECASE)
_TEXT_PROTOCOL = re.compile(rb"(?:STATUS|CMD)=")
_DENIED_TEXT = re.compile(rb"access denied|permission denied|forbidden|can't access", re.IGNORECASE)


def decode(raw: bytes) -> tuple[dict[str, Any], Repair]:
    """One raw reply as an object and the repairs it took.

    Raises ``MinerError``: EMPTY, TRUNCATED, UNDECODABLE, WRONG_PROTOCOL (HTTP), BACKEND_DOWN or DENIED
    (their texts). A refusal in JSON (STATUS "E") decodes; ``sections`` tells.
    """
    if len(raw) > MAX_BYTES:
        raise MinerError(MissCause.UNDECODABLE, f"reply over {MAX_BYTES} bytes")
    body, nul, rest = raw.partition(b"\0")
    flags = Repair.DOUBLED if rest.strip(b"\0 \t\r\n") else Repair.NONE
    body = body.strip(b" \t\r\n")
    if not body:
        raise MinerError(MissCause.EMPTY, "reply without bytes")
    # printf of a broken float gives nan or inf; quoted ones are left to units.number.  Two plain searches,
    # from behind because that costs half.
    if (body.rfind(b'nan"') >= 0 or body.rfind(b'inf"') >= 0) and _QUOTED_NON_FINITE.search(body):
        flags |= Repair.NON_FINITE
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        reply, mended = _mend(body, terminated=bool(nul))
        flags |= mended
    if not isinstance(reply, dict):
        raise MinerError(MissCause.UNDECODABLE, "reply is no object")
    if len(body) > 2 * MAX_ITEMS or len(body.translate(None, _NO_BRACKETS)) > 2 * MAX_DEPTH:
        _check_shape(reply)
    return reply, flags


def _mend(body: bytes, *, terminated: bool) -> tuple[Any, Repair]:
    """The slow path: what is no JSON as it stands."""
    if len(body) > MAX_MENDED:
        raise MinerError(MissCause.UNDECODABLE, f"no JSON, and over {MAX_MENDED} bytes")
    if _TEXT_PROTOCOL.match(body):
        return _decode_text(body, terminated=terminated), Repair.TEXT_PROTOCOL
    flags = Repair.NONE
    bye = _BARE_BYE.fullmatch(body)
    if bye is not None:
        return {"STATUS": bye[1].decode("ascii"), "id": int(bye[2])}, Repair.BARE_BYE
    if body.startswith(b',"id":'):
        body, flags = b"{" + body[1:], Repair.LEADING_COMMA
    if not body.startswith(b"{"):
        raise _not_json(body)
    try:
        source = body.decode("utf-8")
    except UnicodeDecodeError:
        source = body.decode("utf-8", "replace")
        flags |= Repair.BAD_UTF8
    mender = Mender(source)
    mended = mender.run()
    try:
        return orjson.loads(mended), flags | mender.flags
    except orjson.JSONDecodeError as error:
        raise MinerError(MissCause.UNDECODABLE, f"no JSON: {error.msg[:80]}") from None


def _not_json(body: bytes) -> MinerError:
    """What a reply is that does not even start like an object."""
    head = body[:200]
    if _HTTP.match(head):
        return MinerError(MissCause.WRONG_PROTOCOL, "HTTP on the API port")
    if b"Socket connect failed" in head:
        return MinerError(MissCause.BACKEND_DOWN, "the proxy reaches no mining process")
    if _DENIED_TEXT.search(head):
        return MinerError(MissCause.DENIED, "access denied")
    return MinerError(MissCause.UNDECODABLE, "not JSON")


def _check_shape(reply: dict[str, Any]) -> None:
    """Limits of depth and length, level by level instead of by recursion."""
    level: list[Any] = [reply]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for node in level:
            if len(node) > MAX_ITEMS:
                raise MinerError(MissCause.UNDECODABLE, f"more than {MAX_ITEMS} items")
            children = node.values() if type(node) is dict else node
            below += [child for child in children if type(child) in _CONTAINERS]
        if not below:
            return
        level = below
    raise MinerError(MissCause.UNDECODABLE, f"nested deeper than {MAX_DEPTH}")


# -- the text protocol ----------------------------------------


def _split_escaped(line: str, separator: str) -> Iterator[str]:
    r"""Parts between separators; a backslash escapes the next character (api.c escapes ``| , = \``)."""
    part: list[str] = []
    characters = iter(line)
    for character in characters:
        if character == "\\":
            part.append(character + next(characters, ""))
        elif character == separator:
            yield "".join(part)
            part = []
        else:
            part.append(character)
    yield "".join(part)


def _unescape(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)


def _text_fields(line: str) -> tuple[str, dict[str, Any]]:
    """``SUMMARY,Elapsed=6,MHS av=0.00`` -> ("SUMMARY", {...}); ``POOL=0,URL=..`` -> ("POOL", {"POOL": "0",
    ...}).
    """
    fields: dict[str, Any] = {}
    name = ""
    for position, part in enumerate(_split_escaped(line, ",")):
        key, equals, value = part.partition("=")
        key = _unescape(key)
        if position == 0:
            name = key
        if equals:
            fields[key] = _unescape(value)
    return name, fields


_TEXT_LISTS = {"POOL": "POOLS", "ASC": "DEVS", "PGA": "DEVS", "GPU": "DEVS"}


def _decode_text(body: bytes, *, terminated: bool) -> dict[str, Any]:
    """The text protocol in the shape of the JSON one.

    Only the NUL proves that such a reply is whole: cut at any ``|`` it would still look well formed.
    """
    if not terminated or not body.endswith(b"|"):
        raise MinerError(MissCause.TRUNCATED, "text reply without its end")
    joined: dict[str, Any] = {}
    single: dict[str, Any] = {}
    current = single
    for count, line in enumerate(_split_escaped(body.decode("utf-8", "replace")[:-1], "|")):
        if count > MAX_ITEMS:
            raise MinerError(MissCause.UNDECODABLE, f"more than {MAX_ITEMS} items")
        name, fields = _text_fields(line)
        if name == "CMD":
            current = {}
            joined[str(fields.get("CMD", ""))] = [current]
        elif name:
            current.setdefault(_TEXT_LISTS.get(name, name), []).append(fields)
    return joined or single


# -- sections ----------------------------------------


@dataclass(frozen=True, slots=True)
class Section:
    """The answer to one command.  ``ok``: STATUS S or I.  ``body``: its objects, ``msg`` for people."""

    ok: bool
    code: int | None = None
    msg: str = ""
    body: list[dict[str, Any]] = field(default_factory=list)

    def first(self) -> dict[str, Any]:
        """The first object, ``{}`` when there is none."""
        return self.body[0] if self.body else {}


# Commands whose list is not called like the command.
_BODY_KEYS = {"estats": "STATS", "litestats": "STATS", "edevs": "DEVS", "check": "CHECK"}
_ENVELOPE = frozenset({"STATUS", "id", "When", "Code", "Msg", "Description", "INFO"})


def _status(reply: Mapping[str, Any]) -> tuple[bool, int | None, str]:
    """(ok, code, message) of a STATUS that is a list of one, an object, or a flat letter beside Code and
    Msg.
    """
    status = reply.get("STATUS")
    source: Mapping[str, Any]
    if isinstance(status, list):
        status = status[0] if status else None
    if isinstance(status, dict):
        letter, source = status.get("STATUS"), status
    else:
        letter, source = status, reply
    code = source.get("Code")
    message = source.get("Msg")
    return (
        letter in SUCCESS if isinstance(letter, str) else False,
        code if type(code) is int else integer(code),
        message[:200] if isinstance(message, str) else "",
    )


def _body(reply: Mapping[str, Any], command: str | None) -> tuple[str, list[dict[str, Any]]]:
    """(name of the list, its objects) of a single reply."""
    if command is not None:
        wanted = _BODY_KEYS.get(command) or command.upper()
        if isinstance(reply.get(wanted), list):
            return wanted, [item for item in reply[wanted] if isinstance(item, dict)]
    for key, value in reply.items():
        if key not in _ENVELOPE and isinstance(value, list):
            return key, [item for item in value if isinstance(item, dict)]
    flat = reply.get("Msg")
    return "", [flat] if isinstance(flat, dict) else []


def _section(reply: Mapping[str, Any], command: str | None) -> tuple[str, Section]:
    ok, code, message = _status(reply)
    name, body = _body(reply, command)
    return name, Section(ok, code, message, body)


def _member(value: Any) -> dict[str, Any] | None:
    """The reply of one member of a joined answer: a list of one object (real), or the object (API-README)."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, dict) and "STATUS" in value else None


def sections(reply: Mapping[str, Any], command: str | None = None) -> dict[str, Section]:
    """Single and joined replies as one mapping: command -> ``Section``.

    A single reply is filed under ``command``, or, when that is unknown, under the lower-case name of its
    list ("" for none).  In a joined one a bad member fails alone: its section has ``ok`` False and code 14
    or 45.
    """
    if "STATUS" not in reply:
        joined = {key: member for key, value in reply.items() if (member := _member(value)) is not None}
        if joined:
            return {key: _section(member, key)[1] for key, member in joined.items()}
    name, section = _section(reply, command)
    key = command if command is not None else (text(name) or "").lower()
    return {key: section}
