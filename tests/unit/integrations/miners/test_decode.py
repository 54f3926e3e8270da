"""Decoding: each repair, each refusal, and what must hold for any bytes at all."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hashinsight.integrations.miners.decode import MAX_DEPTH, MAX_ITEMS, decode, sections
from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.readings import MissCause, Repair

STATUS = b'{"STATUS":[{"STATUS":"S","When":1,"Code":11,"Msg":"Summary"}],'


@pytest.mark.parametrize(
    ("raw", "flag", "expected"),
    [
        (b'{"STATS":[{"a":1}{"b":2}]}', Repair.MISSING_COMMA, {"STATS": [{"a": 1}, {"b": 2}]}),
        (b'{"STATS":[{"a":1} \n {"b":2}]}', Repair.MISSING_COMMA, {"STATS": [{"a": 1}, {"b": 2}]}),
        (b'{"STATS":[,{"b":2}]}', Repair.EXTRA_COMMA, {"STATS": [{"b": 2}]}),
        (b'{"Msg":{"a":1,},"b":2}', Repair.TRAILING_COMMA, {"Msg": {"a": 1}, "b": 2}),
        (b'{"a":[1,2, ]}', Repair.TRAILING_COMMA, {"a": [1, 2]}),
        (b'{"n":"SM""temp0":71.5}', Repair.MISSING_SEPARATOR, {"n": "SM", "temp0": 71.5}),
        (b'{"u":"a\tb\nc\x01d"}', Repair.CONTROL_BYTES, {"u": "a b c d"}),
        (b'{"a":nan,"b":-inf,"c":[NaN,1]}', Repair.NON_FINITE, {"a": None, "b": None, "c": [None, 1]}),
        (b'{"a":"nan","b":1}', Repair.NON_FINITE, {"a": "nan", "b": 1}),
        (b'{"a":1}\0{"a":1},"id":1}\0', Repair.DOUBLED, {"a": 1}),
        (
            b'{"Msg":{"error_code":["111":"2023-01-01 00:00:00","112":"x"]},"id":1}',
            Repair.ERROR_LIST,
            {"Msg": {"error_code": [{"111": "2023-01-01 00:00:00", "112": "x"}]}, "id": 1},
        ),
        (
            b'{"Msg":{"error_code":["111":"2023",]}}',
            Repair.ERROR_LIST | Repair.TRAILING_COMMA,
            {"Msg": {"error_code": [{"111": "2023"}]}},
        ),
        (b',"id":1}\0', Repair.LEADING_COMMA, {"id": 1}),
        (b'{"BYE","id":1}\0', Repair.BARE_BYE, {"STATUS": "BYE", "id": 1}),
        (b'{"u":"caf\xe9"}', Repair.BAD_UTF8, {"u": "caf�"}),
        (b'{"a":1}\0\n', Repair.NONE, {"a": 1}),
        (b'{"a":1}\n', Repair.NONE, {"a": 1}),
        (b'{"error_code":["111","112"]}', Repair.NONE, {"error_code": ["111", "112"]}),
        (
            b'{"a":[{"x":1}{"y":nan,}],"u":"}{ ,} [,{ nan"}',
            Repair.MISSING_COMMA | Repair.NON_FINITE | Repair.TRAILING_COMMA,
            {"a": [{"x": 1}, {"y": None}], "u": "}{ ,} [,{ nan"},
        ),
    ],
)
def test_repairs(raw: bytes, flag: Repair, expected: dict[str, Any]) -> None:
    assert decode(raw) == (expected, flag)


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b"", MissCause.EMPTY),
        (b"\0", MissCause.EMPTY),
        (b" \r\n\0\n", MissCause.EMPTY),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", MissCause.WRONG_PROTOCOL),
        (b"<!DOCTYPE html><html></html>", MissCause.WRONG_PROTOCOL),
        (b"Socket connect failed: Connection refused\n", MissCause.BACKEND_DOWN),
        (b"Access denied", MissCause.DENIED),
        (b"{", MissCause.TRUNCATED),
        (b'{"a":[1,2', MissCause.TRUNCATED),
        (b'{"a":"cut', MissCause.TRUNCATED),
        (b'{"a":"cut \\', MissCause.TRUNCATED),
        (b'{"a":[{"b":1}]', MissCause.TRUNCATED),
        (
            b"STATUS=S,When=1,Code=11|SUMMARY,Elapsed=6|",
            MissCause.TRUNCATED,
        ),  # no NUL: nothing proves the end
        (b"STATUS=S,When=1,Code=11|SUMMARY,Ela\0", MissCause.TRUNCATED),
        (b'{"a":1}}', MissCause.UNDECODABLE),
        (b'{"a":1]', MissCause.UNDECODABLE),
        (b'{"a":1} {"b":2}', MissCause.UNDECODABLE),
        (b'{"a" 1}', MissCause.UNDECODABLE),
        (b'{"a":tru}', MissCause.UNDECODABLE),
        (b'{"a":"\\x"}', MissCause.UNDECODABLE),
        (b"[1,2]", MissCause.UNDECODABLE),
        (b"42", MissCause.UNDECODABLE),
        (b"hello", MissCause.UNDECODABLE),
        (b"\xff\xfe\x00", MissCause.UNDECODABLE),
    ],
)
def test_refusals(raw: bytes, cause: MissCause) -> None:
    with pytest.raises(MinerError) as refused:
        decode(raw)
    assert refused.value.cause is cause


HOSTILE = {
    "a mebibyte of openers": b"[" * (1 << 20),
    "a mebibyte of objects": b'{"a":' * 200_000,
    "over a mebibyte": b'{"a":"' + b"x" * (1 << 20) + b'"}',
    "deep but closed": b'{"a":' + b"[" * 500 + b"]" * 500 + b"}",
    "deeper than the parser": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "just too deep": b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
    "deep with siblings": b'{"a":' + b"[[]," * 100 + b"1" + b"]" * 100 + b"}",
    "a long list": b'{"a":[' + b"1," * MAX_ITEMS + b"1]}",
    "a long object": b"{" + b",".join(b'"%d":1' % key for key in range(MAX_ITEMS + 1)) + b"}",
    "a large reply to mend": b'{"a":[' + b"nan," * 200_000 + b"1]}",
    "backslashes": b'{"a":"' + b"\\" * 100_001,
    "quotes": b'{"a":' + b'"' * 100_001,
    "many small lists to mend": b'{"a":[' + b"[]," * 40_000 + b"nan",
    "text without end": b"STATUS=" + b"\\|" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_replies_are_refused_in_bounded_time(name: str) -> None:
    started = time.process_time()
    with pytest.raises(MinerError) as refused:
        decode(HOSTILE[name])
    assert refused.value.cause in {MissCause.UNDECODABLE, MissCause.TRUNCATED}
    assert time.process_time() - started < 1.0


def test_the_deepest_allowed_reply_decodes() -> None:
    depth = MAX_DEPTH - 1
    reply, flags = decode(b'{"a":' + b"[" * depth + b"]" * depth + b"}")
    assert flags == Repair.NONE
    assert "a" in reply


def test_a_script_passes_as_plain_text() -> None:
    raw = b'{"POOLS":[{"User":"<script>alert(1)</script>"}]}'
    assert decode(raw)[0]["POOLS"][0]["User"] == "<script>alert(1)</script>"


def test_text_protocol_escapes() -> None:
    raw = b"STATUS=S,Code=7,Msg=a\\,b\\=c\\|d\\\\|POOL=0,URL=x\\|y,User=u|POOL=1,URL=z,User=v|\0"
    reply, flags = decode(raw)
    assert flags == Repair.TEXT_PROTOCOL
    assert reply["STATUS"][0]["Msg"] == "a,b=c|d\\"
    assert [pool["URL"] for pool in reply["POOLS"]] == ["x|y", "z"]


# -- any bytes ----------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b"\\", b"nan", b"-inf", b"1", b" ", b"\n"),
        *(b"\0", b"\xff", b'"error_code":[', b'""temp0":', b"STATUS=", b"|", b"CMD=", b"HTTP/1.1 "),
        *(b'{"BYE","id":1}', b',"id":1}', b"true", b'"STATUS":', b'"x":"y"', b"1e999", b"9" * 400),
        b'"\\ud800"',
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=60).map(b"".join)))
@example(b'{"a":"\\ud800"}')
@example(b'{"a":1e999}')
def test_only_miner_errors_for_any_bytes(raw: bytes) -> None:
    try:
        reply, _ = decode(raw)
    except MinerError:
        return
    assert isinstance(reply, dict)
    sections(reply)
    sections(reply, "summary")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), max_size=12)
ROWS = st.dictionaries(
    TEXTS, st.one_of(TEXTS, st.integers(-(10**9), 10**9), st.booleans(), st.none()), max_size=4
)
REPLIES = st.fixed_dictionaries(
    {"STATUS": st.just([{"STATUS": "S", "Code": 1}]), "STATS": st.lists(ROWS, max_size=4)}
)


def _encode(reply: Any) -> bytes:
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()


@settings(max_examples=200, deadline=None)
@given(REPLIES)
def test_every_strict_prefix_is_an_error(reply: dict[str, Any]) -> None:
    raw = _encode(reply)
    for cut in range(len(raw)):
        with pytest.raises(MinerError) as refused:
            decode(raw[:cut])
        assert refused.value.cause is (MissCause.EMPTY if cut == 0 else MissCause.TRUNCATED)


@settings(max_examples=200, deadline=None)
@given(REPLIES, st.data())
def test_mutated_replies_raise_nothing_else(reply: dict[str, Any], data: st.DataObject) -> None:
    raw = bytearray(_encode(reply))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(raw) - 1))
        raw[position : position + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not raw:
            break
    with contextlib.suppress(MinerError):
        decode(bytes(raw))


@settings(max_examples=300, deadline=None)
@given(st.lists(ROWS, min_size=2, max_size=4))
def test_repairs_leave_strings_alone(rows: list[dict[str, Any]]) -> None:
    # "}{" between rows, a leading comma, a trailing comma and a bare nan, around strings of any content.
    broken = b'{"STATS":[,' + b"".join(_encode(row) for row in rows) + b'],"x":nan,}'
    reply, flags = decode(broken)
    assert reply == {"STATS": rows, "x": None}
    expected = Repair.MISSING_COMMA | Repair.EXTRA_COMMA | Repair.TRAILING_COMMA | Repair.NON_FINITE
    assert flags & ~Repair.DOUBLED == expected


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\\\0'), max_size=30))
def test_in_strings_only_control_bytes_change(content: str) -> None:
    reply, _ = decode(b'{"u":"' + content.encode() + b'"}')
    assert reply == {"u": "".join(" " if ord(character) < 32 else character for character in content)}


# -- sections -----------------------------------------------------------------------------------------


def test_single_reply_is_filed_under_its_list_or_its_command() -> None:
    reply = {"STATUS": [{"STATUS": "S", "Code": 70, "Msg": "m"}], "STATS": [{"a": 1}], "id": 1}
    assert list(sections(reply)) == ["stats"]
    assert sections(reply, "estats")["estats"].body == [{"a": 1}]


def test_joined_members_are_lists_of_one_object_or_bare_objects() -> None:
    member = {"STATUS": [{"STATUS": "S", "Code": 11}], "SUMMARY": [{"Elapsed": 5}], "id": 1}
    for wrapped in ([member], member):
        (section,) = sections({"summary": wrapped, "id": 1}).values()
        assert (section.ok, section.first()) == (True, {"Elapsed": 5})


@pytest.mark.parametrize(
    ("reply", "ok", "code", "body"),
    [
        ({"STATUS": "S", "Code": 131, "Msg": {"mac": "x"}}, True, 131, [{"mac": "x"}]),
        ({"STATUS": "E", "Code": 14, "Msg": "invalid cmd"}, False, 14, []),
        ({"STATUS": "BYE", "id": 1}, False, None, []),
        ({"STATUS": {"STATUS": "S"}, "STATS": [{"a": 1}]}, True, None, [{"a": 1}]),
        ({"STATUS": [{"STATUS": "I", "Code": 118}]}, True, 118, []),
        ({"STATUS": [{"STATUS": "W", "Code": 117}]}, False, 117, []),
        ({"STATUS": [], "STATS": [1, None, {"a": 1}]}, False, None, [{"a": 1}]),
        ({"STATUS": [{"STATUS": "S", "Code": "11"}]}, True, 11, []),
        ({"STATUS": [{"STATUS": ["S"], "Code": {}, "Msg": 5}]}, False, None, []),
        ({"id": 1}, False, None, []),
    ],
)
def test_status_shapes(reply: dict[str, Any], ok: bool, code: int | None, body: list[dict[str, Any]]) -> None:
    section = sections(reply, "any")["any"]
    assert (section.ok, section.code, section.body) == (ok, code, body)
