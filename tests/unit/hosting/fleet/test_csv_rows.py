"""Reading the fleet file: every problem by row and column, and clean rows in canonical form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.fleet.domain import csv_export
from hosting.fleet.domain.csv_rows import (
    COLUMNS,
    MAX_BYTES,
    MinerRow,
    Parsed,
    Problem,
    canonical_mac,
    escape_cell,
    parse,
    unescape_cell,
)

HEADER = ",".join(COLUMNS)
GOOD = "north,Hall 1,R1,1,2,antminer-s21,28:e2:97:00:00:01,SN1,10.1.0.5,4028,customer-a,acme.x1,mining"


def read(text: str | bytes) -> Parsed:
    content = text if isinstance(text, bytes) else text.encode()
    return parse(content, states={"mining", "sleeping", "retired"}, dialects={"antminer", "avalon"})


def row_with(**cells: str) -> str:
    values = dict(zip(COLUMNS, GOOD.split(","), strict=True))
    return ",".join({**values, **cells}.values())


def problems_of(**cells: str) -> list[tuple[int, str, str]]:
    return [(p.row, p.column, p.code) for p in read(f"{HEADER}\n{row_with(**cells)}\n").problems]


def test_a_good_row_is_read_in_canonical_form() -> None:
    assert read(f"{HEADER}\n{GOOD}\n").rows == [
        MinerRow(
            number=2,
            site="north",
            place=("Hall 1", "R1", 1, 2),
            model="antminer-s21",
            mac="28:e2:97:00:00:01",
            serial="SN1",
            address="10.1.0.5",
            port=4028,
            http_port=None,
            dialect=None,
            customer="customer-a",
            worker="acme.x1",
            desired_state="mining",
        )
    ]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bom_separator_and_line_ends_do_not_matter(bom: bytes, separator: str, end: str) -> None:
    text = f"{HEADER}{end}{GOOD}{end}".replace(",", separator)
    parsed = read(bom + text.encode())
    assert parsed.problems == []
    assert parsed.rows[0].worker == "acme.x1"


def test_column_order_and_case_are_free_and_optional_columns_are_read() -> None:
    header = ",".join(reversed([name.upper() for name in COLUMNS])) + ",http_port,dialect"
    row = ",".join(reversed(GOOD.split(","))) + ",8080,avalon"
    (parsed,) = read(f"{header}\n{row}").rows
    assert (parsed.mac, parsed.http_port, parsed.dialect) == ("28:e2:97:00:00:01", 8080, "avalon")


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    text = f"{HEADER}\n\n{row_with(worker='x')}\n,,,,,,,,,,,,\n{row_with(port='0')}\n"
    parsed = read(text)
    assert [row.number for row in parsed.rows] == [3]
    assert [(p.row, p.code) for p in parsed.problems] == [(5, "out_of_range")]
    assert parsed.count == 2


@pytest.mark.parametrize(
    "written",
    ["28:E2:97:00:00:01", "28-e2-97-00-00-01", "28e2.9700.0001", "28E297000001", " 28:e2:97:00:00:01 "],
)
def test_a_mac_may_be_written_in_any_usual_form(written: str) -> None:
    assert canonical_mac(written) == "28:e2:97:00:00:01"
    assert read(f"{HEADER}\n{row_with(mac=written)}").rows[0].mac == "28:e2:97:00:00:01"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"mac": ""}, [(2, "mac", "missing")]),
        ({"mac": "28:e2:97:00:00"}, [(2, "mac", "mac_form")]),
        ({"mac": "28:e2-97:00:00:01"}, [(2, "mac", "mac_form")]),
        ({"mac": "zz:e2:97:00:00:01"}, [(2, "mac", "mac_form")]),
        ({"mac": "00:00:00:00:00:00"}, [(2, "mac", "mac_zero")]),
        ({"mac": "ff:ff:ff:ff:ff:ff"}, [(2, "mac", "mac_group")]),
        ({"mac": "29:e2:97:00:00:01"}, [(2, "mac", "mac_group")]),
        ({"address": "10.1.0"}, [(2, "address", "address_form")]),
        ({"address": "10.1.0.05"}, [(2, "address", "address_form")]),
        ({"address": "::1"}, [(2, "address", "address_form")]),
        ({"address": ""}, [(2, "address", "missing")]),
        ({"port": "0"}, [(2, "port", "out_of_range")]),
        ({"port": "65536"}, [(2, "port", "out_of_range")]),
        ({"port": "4028.0"}, [(2, "port", "not_whole")]),
        ({"port": "٤٠٢٨"}, [(2, "port", "not_whole")]),
        ({"row": "101"}, [(2, "row", "out_of_range")]),
        ({"position": "0"}, [(2, "position", "out_of_range")]),
        ({"row": ""}, [(2, "row", "place_incomplete")]),
        ({"zone": "", "rack": ""}, [(2, "zone", "place_incomplete"), (2, "rack", "place_incomplete")]),
        ({"zone": "x" * 41}, [(2, "zone", "too_long")]),
        ({"model": ""}, [(2, "model", "missing")]),
        ({"desired_state": "off"}, [(2, "desired_state", "not_a_choice")]),
        ({"worker": "a\x07b"}, [(2, "worker", "control")]),
        ({"worker": '"two\nlines"'}, [(2, "worker", "control")]),
        ({"worker": '"an extra",cell'}, [(2, "", "cells")]),
    ],
)
def test_each_problem_is_named_by_row_and_column(
    cells: dict[str, str], expected: list[tuple[int, str, str]]
) -> None:
    assert problems_of(**cells) == expected


def test_all_problems_of_a_row_and_of_all_rows_are_collected() -> None:
    bad = row_with(mac="x", address="y", port="z")
    found = read(f"{HEADER}\n{bad}\n{bad}\n").problems
    assert [(p.row, p.column) for p in found] == [
        (2, "mac"), (2, "address"), (2, "port"), (3, "mac"), (3, "address"), (3, "port"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "row", "code"),
    [
        (b"", 0, "empty"),
        (b"\n \n", 0, "empty"),
        (f"{HEADER}\n".encode(), 0, "no_rows"),
        (f"{HEADER}\n{GOOD}".encode("utf-16"), 1, "nul"),
        (f"{HEADER}\n{GOOD}\0".encode(), 2, "nul"),
        (f"{HEADER}\n{row_with(worker='é')}".encode("latin-1"), 2, "not_utf8"),
        (b"PK\x03\x04rest", 0, "workbook"),
        (f'{HEADER}\n"{GOOD}'.encode(), 2, "not_csv"),
        (f'{HEADER}\n{GOOD}\n"a"b,c'.encode(), 3, "not_csv"),
    ],
)
def test_a_file_that_is_no_usable_csv_gets_one_clear_problem(content: bytes, row: int, code: str) -> None:
    parsed = read(content)
    assert [(p.row, p.code) for p in parsed.problems] == [(row, code)]
    assert parsed.rows == []


def test_a_wrong_header_names_every_column() -> None:
    header = HEADER.replace("mac", "mac address").replace("worker", "port")
    assert read(f"{header}\n{GOOD}").problems == [
        Problem(1, "mac", "", "column_missing", {"columns": HEADER}),
        Problem(1, "worker", "", "column_missing", {"columns": HEADER}),
        Problem(
            1, "mac address", "", "column_unknown", {"columns": ", ".join((*COLUMNS, "http_port", "dialect"))}
        ),
        Problem(1, "port", "", "column_twice", {}),
    ]


def test_too_large_and_too_long_files_are_refused_before_they_cost_anything() -> None:
    assert [p.code for p in read(b"x" * (MAX_BYTES + 1)).problems] == ["too_large"]
    parsed = read(f"{HEADER}\n" + f"{GOOD}\n" * 100_001)
    assert [(p.row, p.code) for p in parsed.problems] == [(100_002, "too_many_rows")]
    assert parsed.rows == []


def test_formulas_stay_text_and_are_disarmed_on_export() -> None:
    (row,) = read(f"{HEADER}\n{row_with(worker='=cmd()|x', serial='+1')}").rows
    assert (row.worker, row.serial) == ("=cmd()|x", "+1")
    line = csv_export.write([["north", None, "=1+1", "-2", "@x", "'=y", "plain"]]).decode("utf-8-sig")
    assert line.splitlines()[1] == "north,,'=1+1,'-2,'@x,''=y,plain"


@given(st.text(max_size=40))
def test_escaping_is_undone_exactly(value: str) -> None:
    assert unescape_cell(escape_cell(value)) == value
    assert not escape_cell(value).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.binary(max_size=400))
def test_no_bytes_whatever_raise(content: bytes) -> None:
    parsed = read(content)
    assert parsed.problems or parsed.rows
    read(HEADER.encode() + b"\n" + content)
