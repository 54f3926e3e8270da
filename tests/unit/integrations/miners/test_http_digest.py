"""Digest authentication without a network: known answers, parsing, secrecy."""

from __future__ import annotations

import pytest

from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.http_digest import (
    ANTMINER_REALM,
    HttpLogin,
    HttpReply,
    _Challenge,
    _challenge,
    _parse,
    authorization,
)
from hashinsight.integrations.miners.readings import MissCause


def test_known_answer_of_rfc_7616() -> None:
    # Section 3.9.1, the MD5 example.
    challenge = _Challenge(
        realm="http-auth@example.org",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
        qop=True,
    )
    login = HttpLogin("Mufasa", "Circle of Life")
    header = authorization(
        login, challenge, "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    )
    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in header
    assert "qop=auth, nc=00000001" in header
    assert "Circle" not in header


def test_known_answer_without_qop() -> None:
    # RFC 2617 3.5's values in the older form of RFC 2069 (computed by hand with md5sum).
    challenge = _Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", None, qop=False)
    header = authorization(HttpLogin("Mufasa", "Circle Of Life"), challenge, "/dir/index.html", "unused")
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in header
    assert "cnonce" not in header


def test_the_password_shows_nowhere() -> None:
    login = HttpLogin("root", "geheim")
    assert "geheim" not in repr(login)
    assert "geheim" not in str(login)


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", 200, b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}extra", 200, b"{}"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n",
            200,
            b"{}",
        ),
        (b"HTTP/1.1 404\r\n\r\n", 404, b""),
    ],
)
def test_parse(raw: bytes, status: int, body: bytes) -> None:
    reply = _parse(raw)
    assert (reply.status, reply.body) == (status, body)


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b'{"STATUS":"E"}', MissCause.WRONG_PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Le", MissCause.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", MissCause.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", MissCause.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{", MissCause.TRUNCATED),
    ],
)
def test_parse_refuses(raw: bytes, cause: MissCause) -> None:
    with pytest.raises(MinerError) as refused:
        _parse(raw)
    assert refused.value.cause is cause


@pytest.mark.parametrize(
    "header",
    [
        "",
        f'Basic realm="{ANTMINER_REALM}"',
        f'Digest realm="{ANTMINER_REALM}"',
        'Digest realm="somewhere else", nonce="n", qop="auth"',
        f'Digest realm="{ANTMINER_REALM}", nonce="n", qop="auth-int"',
        f'Digest realm="{ANTMINER_REALM}", nonce="n", algorithm=SHA-256, qop="auth"',
    ],
)
def test_other_challenges_get_no_answer(header: str) -> None:
    with pytest.raises(MinerError) as refused:
        _challenge(HttpReply(401, {"www-authenticate": header}, b""), ANTMINER_REALM)
    assert refused.value.cause is MissCause.DENIED


def test_challenge_fields() -> None:
    header = f'Digest realm="{ANTMINER_REALM}", nonce="a,b", qop="auth,auth-int", opaque="o", algorithm=MD5'
    found = _challenge(HttpReply(401, {"www-authenticate": header}, b""), ANTMINER_REALM)
    assert found == _Challenge(ANTMINER_REALM, "a,b", "o", qop=True)
