"""The fleet's CSV file, read without knowing the inventory: bytes in, clean rows and problems out.

UTF-8 with or without BOM, separated by commas or semicolons, first row = column names in any order. Rows
are numbered as a spreadsheet shows them: the header is row 1. Nothing is raised for bad input: every
problem is collected as a code with parameters (their words are in ``services.import_texts``).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from typing import Final

COLUMNS: Final = (
    "site", "zone", "rack", "row", "position", "model", "mac", "serial", "address", "port", "customer",
    "worker", "desired_state",
)  # fmt: skip
OPTIONAL_COLUMNS: Final = ("http_port", "dialect")
MAX_BYTES: Final = 25 * 1024 * 1024
MAX_ROWS: Final = 100_000
DEFAULT_PORT: Final = 4028
LONGEST: Final = {
    "site": 40, "zone": 40, "rack": 40, "model": 60, "serial": 60, "customer": 60, "worker": 120,
}  # fmt: skip

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAC_FORMS = re.compile(
    r"(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{12})"
)
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one row (0 = the file). ``code`` names it, ``params`` fill its sentence."""

    row: int
    column: str
    value: str
    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MinerRow:
    """One row in canonical form. None = left empty where an existing miner's value is to be kept.

    ``place`` is (zone, rack, row, position), None for a machine that stands nowhere yet.
    """

    number: int
    site: str
    place: tuple[str, str, int, int] | None
    model: str
    mac: str
    serial: str
    address: str
    port: int
    http_port: int | None
    dialect: str | None
    customer: str
    worker: str
    desired_state: str | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file says. ``count`` data rows; ``broken_macs`` are those of rows that have problems."""

    rows: list[MinerRow]
    problems: list[Problem]
    count: int
    broken_macs: frozenset[str] = frozenset()


def canonical_mac(text: str) -> str | None:
    """``text`` as aa:bb:cc:dd:ee:ff (colons, dashes, dots or bare, any letter case); None if it is no MAC."""
    low = text.strip().lower()
    if not _MAC_FORMS.fullmatch(low):
        return None
    digits = re.sub(r"[^0-9a-f]", "", low)
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def escape_cell(value: str) -> str:
    """``value`` so that a spreadsheet takes it for text, never for a formula; undone by ``unescape_cell``."""
    return f"'{value}" if _FORMULA.match(value) else value


def unescape_cell(value: str) -> str:
    """The inverse of ``escape_cell``."""
    return value[1:] if _ESCAPED.match(value) else value


def parse(content: bytes, *, states: Collection[str], dialects: Collection[str]) -> Parsed:
    """Read a whole file. ``states`` and ``dialects`` are the values allowed in these columns."""
    text, problem = _decode(content)
    if problem:
        return Parsed([], [problem], 0)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    records = _numbered(lines)
    try:
        number, header = next(records, (1, []))
        names = [name.strip().lower() for name in header]
        if problems := list(_header_problems(number, names)):
            return Parsed([], problems, 0)
        return _Reader(names, frozenset(states), frozenset(dialects)).read(records)
    except csv.Error as error:
        return Parsed([], [Problem(lines.line_num, "", "", "not_csv", {"reason": str(error)})], 0)


def _decode(content: bytes) -> tuple[str, Problem | None]:
    if len(content) > MAX_BYTES:
        size = Problem(
            0, "", "", "too_large", {"mb": f"{len(content) / 1048576:.1f}", "limit": MAX_BYTES // 1048576}
        )
        return "", size
    if content[:4] == b"PK\x03\x04":
        return "", Problem(0, "", "", "workbook")
    if (at := content.find(b"\0")) >= 0:
        return "", Problem(content.count(b"\n", 0, at) + 1, "", "", "nul")
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        return "", Problem(content.count(b"\n", 0, error.start) + 1, "", "", "not_utf8")


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return ";" if first.count(";") > first.count(",") else ","


def _numbered(lines: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with the number a spreadsheet shows."""
    for number, cells in enumerate(lines, start=1):
        if any(cell.strip() for cell in cells):
            yield number, cells


def _header_problems(number: int, names: list[str]) -> Iterator[Problem]:
    if not names:
        yield Problem(0, "", "", "empty", {"columns": ",".join(COLUMNS)})
        return
    known = (*COLUMNS, *OPTIONAL_COLUMNS)
    for name in COLUMNS:
        if name not in names:
            yield Problem(number, name, "", "column_missing", {"columns": ",".join(COLUMNS)})
    for position, name in enumerate(names):
        if name not in known:
            yield Problem(number, name[:_SHOWN], "", "column_unknown", {"columns": ", ".join(known)})
        elif name in names[:position]:
            yield Problem(number, name, "", "column_twice")


class _Reader:
    """Reads rows under one header."""

    def __init__(self, names: list[str], states: frozenset[str], dialects: frozenset[str]) -> None:
        self._names = names
        self._states = states
        self._dialects = dialects
        self._problems: list[Problem] = []
        self._number = 0
        self._cells: dict[str, str] = {}

    def read(self, records: Iterator[tuple[int, list[str]]]) -> Parsed:
        rows: list[MinerRow] = []
        broken: set[str] = set()
        count = 0
        for number, cells in records:
            count += 1
            if count > MAX_ROWS:
                return Parsed([], [Problem(number, "", "", "too_many_rows", {"limit": MAX_ROWS})], count)
            before = len(self._problems)
            row = self._row(number, cells)
            if row is not None and len(self._problems) == before:
                rows.append(row)
            elif row is not None and row.mac:
                broken.add(row.mac)
        if not count:
            self._problems.append(Problem(0, "", "", "no_rows"))
        return Parsed(rows, self._problems, count, frozenset(broken))

    def _row(self, number: int, cells: list[str]) -> MinerRow | None:
        self._number = number
        if len(cells) != len(self._names):
            self._complain("", "", "cells", cells=len(cells), columns=len(self._names))
            return None
        self._cells = {
            name: unescape_cell(cell.strip()) for name, cell in zip(self._names, cells, strict=True)
        }
        if _CONTROL.search("".join(self._cells.values())):
            for name, value in self._cells.items():
                if _CONTROL.search(value):
                    self._complain(name, _CONTROL.sub("?", value), "control")
            return None
        return MinerRow(
            number=number,
            site=self._text("site"),
            place=self._place(),
            model=self._text("model", needed=True),
            mac=self._mac(),
            serial=self._text("serial"),
            address=self._address(),
            port=self._whole("port", 1, 65535) or DEFAULT_PORT,
            http_port=self._whole("http_port", 1, 65535),
            dialect=self._choice("dialect", self._dialects),
            customer=self._text("customer"),
            worker=self._text("worker"),
            desired_state=self._choice("desired_state", self._states),
        )

    def _complain(self, column: str, value: str, code: str, **params: str | int) -> None:
        self._problems.append(Problem(self._number, column, value[:_SHOWN], code, params))

    def _text(self, column: str, *, needed: bool = False) -> str:
        value = self._cells[column]
        if needed and not value:
            self._complain(column, "", "missing")
        elif len(value) > LONGEST[column]:
            self._complain(column, value, "too_long", limit=LONGEST[column], length=len(value))
        return value

    def _whole(self, column: str, low: int, high: int) -> int | None:
        value = self._cells.get(column, "")
        if not value:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 9):
            self._complain(column, value, "not_whole", low=low, high=high)
            return None
        if not low <= int(value) <= high:
            self._complain(column, value, "out_of_range", low=low, high=high)
            return None
        return int(value)

    def _choice(self, column: str, allowed: frozenset[str]) -> str | None:
        value = self._cells.get(column, "").lower()
        if not value:
            return None
        if value not in allowed:
            self._complain(column, value, "not_a_choice", allowed=", ".join(sorted(allowed)))
        return value

    def _place(self) -> tuple[str, str, int, int] | None:
        names = ("zone", "rack", "row", "position")
        empty = [name for name in names if not self._cells[name]]
        if len(empty) == len(names):
            return None
        for name in empty:
            self._complain(name, "", "place_incomplete")
        zone, rack = self._text("zone"), self._text("rack")
        row, position = self._whole("row", 1, 100), self._whole("position", 1, 100)
        return zone, rack, row or 0, position or 0

    def _mac(self) -> str:
        value = self._cells["mac"]
        if not value:
            self._complain("mac", "", "missing")
            return ""
        mac = canonical_mac(value)
        if mac is None:
            self._complain("mac", value, "mac_form")
        elif mac == "00:00:00:00:00:00":
            self._complain("mac", value, "mac_zero")
        elif int(mac[:2], 16) & 1:  # the group bit, IEEE 802: never a machine's own address
            self._complain("mac", value, "mac_group")
        return mac or ""

    def _address(self) -> str:
        value = self._cells["address"]
        if not value:
            self._complain("address", "", "missing")
            return ""
        try:
            return str(IPv4Address(value))
        except AddressValueError:
            self._complain("address", value, "address_form")
            return ""
