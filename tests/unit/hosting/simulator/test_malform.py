"""Spoilt replies: each is wrong in just its own way."""

from __future__ import annotations

import json

import pytest

from hosting.simulator.malform import DEEP_LEVELS, spoil
from hosting.simulator.switches import REPLIES

REPLY = (
    b'{"STATUS":[{"STATUS":"S","When":1,"Code":11,"Msg":"Summary","Description":"cgminer 4.11.1"}],'
    b'"SUMMARY":[{"Elapsed":6,"MHS av":12.50,"Utility":1.50,"Device Hardware%":0.0000,"Network Blocks":3}],'
    b'"POOLS":[{"User":"acct.w1"},{"User":"acct.w1"}],"id":1}'
)
FLAT = b'{"STATUS":"S","When":1,"Code":131,"Msg":{"error_code":[]},"Description":"x"}'


@pytest.mark.parametrize("kind", [kind for kind in REPLIES if kind != "ok"])
def test_every_kind_changes_the_reply(kind: str) -> None:
    plain = FLAT if kind == "error_code_list" else REPLY
    assert spoil(kind, plain) != plain + b"\0"


@pytest.mark.parametrize(
    "kind",
    [
        "missing_comma", "list_comma", "trailing_comma", "raw_newline", "control_bytes", "temp0_quote",
        "bare_nan", "truncated", "id_only", "bye", "http", "backend_down",
    ],
)  # fmt: skip
def test_these_are_no_json(kind: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(spoil(kind, REPLY).rstrip(b"\0").replace(b"nan", b"nix"))


@pytest.mark.parametrize(
    "kind", ["quoted_nan", "string_numbers", "empty_strings", "script", "no_nul", "newline_end"]
)
def test_these_are_json_with_odd_values(kind: str) -> None:
    odd = json.loads(spoil(kind, REPLY).rstrip(b"\0"))
    assert odd["SUMMARY"][0]["Elapsed"] == 6


def test_details() -> None:
    assert b"}{" in spoil("missing_comma", REPLY)
    assert b"[,{" in spoil("list_comma", REPLY)
    assert b'""temp0"' in spoil("temp0_quote", REPLY)
    assert b'""temp0"' in spoil("temp0_quote", FLAT)
    assert b'"error_code":["111":"' in spoil("error_code_list", FLAT)
    assert b'"MHS av":"12.50"' in spoil("string_numbers", REPLY)
    assert b"<script>" in spoil("script", REPLY)
    assert spoil("doubled", REPLY).count(b"\0") == 2
    assert len(spoil("huge", REPLY)) > 1 << 20
    assert spoil("deep", REPLY).count(b"[") > DEEP_LEVELS
    assert spoil("no_nul", REPLY) == REPLY
    with pytest.raises(UnicodeDecodeError):
        spoil("bad_utf8", REPLY).decode()
    assert json.loads(spoil("access_denied", REPLY)[:-1])["STATUS"][0]["Code"] == 45
