"""Mending almost-JSON outside of strings.

A scanner walks the tokens of a reply once, keeps a stack of open brackets, and mends only the slips that real
firmware is known to make; each one sets a flag.  It never invents a closer, so a cut reply stays cut.  Inside
strings only control bytes change, into spaces.
"""

from __future__ import annotations

import re

from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.readings import MissCause, Repair

MAX_DEPTH = 64

# Possessive quantifiers keep this linear on hostile input.
_TOKEN = re.compile(r'[ \t\r\n]*+("(?:[^"\\]++|\\.)*+"|[{}\[\]:,]|[^\s"{}\[\]:,]++)', re.DOTALL)
_NON_FINITE = re.compile(r"[-+]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f]")
_TEMPERATURE_KEY = re.compile(r'"temp[0-9]')
_PAIR_AHEAD = re.compile(r'\[\s*"(?:[^"\\]++|\\.)*+"\s*:', re.DOTALL)

_CLOSES = {"}": "{", "]": "["}
_ERROR_LIST = "E"  # on the stack: a list that became [{...}]


class Mender:
    """One pass over one reply; ``run`` gives the mended text, ``flags`` what was mended."""

    __slots__ = ("_ended", "_out", "_stack", "_text", "flags")

    def __init__(self, text: str) -> None:
        self._text = text
        self._out: list[str] = []
        self._stack: list[str] = []
        self._ended = False
        self.flags = Repair.NONE

    def run(self) -> str:
        """The mended text.  Raises ``MinerError``: truncated, too deep, or bytes after the end."""
        text, position, end = self._text, 0, len(self._text)
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                if not text[position:].strip():
                    break
                # The only thing the pattern cannot take is a string without its end.
                raise MinerError(MissCause.TRUNCATED, "reply ends inside a string")
            if self._ended:
                raise MinerError(MissCause.UNDECODABLE, "bytes after the end of the reply")
            self._take(match[1], match.start(1))
            position = match.end()
        if not self._ended:
            raise MinerError(MissCause.TRUNCATED, f"reply ends {len(self._stack)} levels deep")
        return "".join(self._out)

    def _take(self, token: str, start: int) -> None:
        kind = token[0]
        if kind == '"':
            self._string(token)
        elif kind in "{[":
            self._open(token, start)
        elif kind in "}]":
            self._close(token)
        elif kind == ",":
            self._comma()
        elif kind != ":" and _NON_FINITE.fullmatch(token):
            self.flags |= Repair.NON_FINITE
            self._out.append("null")
        else:
            self._out.append(token)

    def _last(self) -> str:
        return self._out[-1] if self._out else ""

    def _string(self, token: str) -> None:
        if _CONTROL.search(token):
            self.flags |= Repair.CONTROL_BYTES
            token = _CONTROL.sub(" ", token)
        if self._last().startswith('"') and _TEMPERATURE_KEY.match(token):
            self.flags |= Repair.MISSING_SEPARATOR
            self._out.append(",")
        self._out.append(token)

    def _open(self, mark: str, start: int) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise MinerError(MissCause.UNDECODABLE, f"nested deeper than {MAX_DEPTH}")
        if mark == "{" and self._last() == "}":
            self.flags |= Repair.MISSING_COMMA
            self._out.append(",")
        if mark == "[" and self._out[-2:] == ['"error_code"', ":"] and _PAIR_AHEAD.match(self._text, start):
            self.flags |= Repair.ERROR_LIST
            self._stack.append(_ERROR_LIST)
            self._out.append("[{")
            return
        self._stack.append(mark)
        self._out.append(mark)

    def _close(self, mark: str) -> None:
        if self._last() == ",":
            self.flags |= Repair.TRAILING_COMMA
            self._out.pop()
        opened = self._stack.pop() if self._stack else ""
        if opened == _ERROR_LIST and mark == "]":
            self._out.append("}]")
        elif opened == _CLOSES[mark]:
            self._out.append(mark)
        else:
            raise MinerError(MissCause.UNDECODABLE, f"unexpected {mark}")
        self._ended = not self._stack

    def _comma(self) -> None:
        if self._last() == "[":
            self.flags |= Repair.EXTRA_COMMA
            return
        self._out.append(",")
