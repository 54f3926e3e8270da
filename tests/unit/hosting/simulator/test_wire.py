"""Requests as the cgminer API reads them, and its text replies."""

from __future__ import annotations

import orjson
import pytest

from hosting.simulator.wire import parse_request, to_text


def test_json_request() -> None:
    request = parse_request(b'{"command":"ascset","parameter":"0,help"}')
    assert request.commands == ("ascset",)
    assert request.parameter == "0,help"
    assert not request.joined
    assert request.writes


@pytest.mark.parametrize("parameter", [b'"3"', b"3", b"3.0"])
def test_parameters_of_any_kind(parameter: bytes) -> None:
    assert parse_request(b'{"command":"x","parameter":' + parameter + b"}").parameter.startswith("3")


def test_joined_requests_drop_blanks_and_duplicates() -> None:
    request = parse_request(b'{"command":"+summary++stats+summary+"}')
    assert request.joined
    assert request.commands == ("summary", "stats")


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b'{"command":"summary"}\0', 23),
        (b'{"command":', 23),
        (b"{" + b" " * 5000 + b"}", 23),
        (b"{}", 24),
        (b'{"command":7}', 24),
        (b'{"command":"summary"}\n', 0),
    ],
)
def test_bad_requests(raw: bytes, error: int) -> None:
    assert parse_request(raw).error == error


def test_text_requests() -> None:
    request = parse_request(b"summary|0")
    assert request.text
    assert request.commands == ("summary",)
    assert request.parameter == "0"
    assert parse_request(b' {"command":"summary"}').text


def test_writes_are_recognised() -> None:
    assert parse_request(b'{"cmd":"power_off"}').writes
    assert parse_request(b'{"enc":1,"data":"xyz"}').writes
    assert parse_request(b'{"command":"open_write_api"}').writes
    assert not parse_request(b'{"command":"summary+devs+pools"}').writes


def test_text_replies_escape_their_separators() -> None:
    status = {"STATUS": "S", "When": 1, "Code": 7, "Msg": "1 Pool(s)"}
    pools = [{"URL": "stratum+tcp://a:1", "User": "a|b,c=d", "Has GBT": False}]
    text = to_text(orjson.dumps({"STATUS": [status], "POOLS": pools, "id": 1}).decode())
    assert text.startswith("STATUS=S,When=1,Code=7,Msg=1 Pool(s)|POOL=0,URL=stratum+tcp://a:1,")
    assert r"User=a\|b\,c\=d" in text
    assert text.endswith("Has GBT=false|")
