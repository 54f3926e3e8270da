"""Polling, identifying and the web page over real TCP."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import Any

import pytest

from hashinsight.integrations.miners import (
    Deadlines,
    Device,
    HttpLogin,
    Identity,
    MacIdentity,
    MinerError,
    MissCause,
    Mode,
    Polled,
    Repair,
    identify,
    poll,
    read_identity,
    read_work_mode,
)
from hashinsight.integrations.miners.http_digest import ANTMINER_REALM, get
from tests.integration.miners.conftest import Run
from tests.integration.miners.fake import DENIED, FakeMiner, reset, section, serving

FAST = Deadlines(connect_s=0.3, first_byte_s=0.5, total_s=0.8)

ANTMINER = {
    "summary": section("summary", {"Elapsed": 900, "GHS 5s": 110000.0, "GHS av": 109000.0}),
    "stats": section(
        "stats", {"Type": "Antminer S19 Pro"}, {"GHS 5s": 110000.0, "chain_acn1": 114, "fan1": 5000}
    ),
    "pools": section("pools", {"POOL": 0, "URL": "stratum+tcp://pool.example:3333", "User": "a.b"}),
    "version": section("version", {"BMMiner": "1.0.0", "CompileTime": "t", "Type": "Antminer S19 Pro"}),
    "devdetails": DENIED,
}
WHATSMINER = {
    "summary": section("summary", {"Elapsed": 900, "HS RT": 1e8, "MHS 5s": 1e8, "MAC": "C4:08:28:00:A4:19"}),
    "devs": section("devs", {"Slot": 0, "MHS 1m": 5e7}),
    "pools": section("pools", {"POOL": 1, "URL": "u", "User": "w"}),
    "status": {"STATUS": "S", "When": 1, "Code": 131, "Msg": {"mineroff": "false"}, "Description": ""},
    "get_error_code": {
        "STATUS": "S",
        "When": 1,
        "Code": 131,
        "Msg": {"error_code": ["111"]},
        "Description": "",
    },
    "devdetails": section("devdetails", {"Driver": "bitmicro", "Model": "M50S_VH50"}),
    "get_version": {"STATUS": "S", "Code": 131, "Msg": {"fw_ver": "20230803.11.REL", "api_ver": "2.0.5"}},
    "get_miner_info": {
        "STATUS": "S",
        "Code": 131,
        "Msg": {"mac": "C4:08:28:00:A4:19", "hostname": "w", "minersn": "S1"},
    },
}
AVALON = {
    "summary": section("summary", {"Elapsed": 900, "MHS 5s": 1e8}),
    "estats": {
        "STATUS": [{"STATUS": "S", "Code": 70}],
        "STATS": [{"MM ID0": "WALLPOWER[3731] SoftOFF[0]"}],
        "id": 1,
    },
    "pools": section("pools", {"POOL": 0, "URL": "u", "User": "w"}),
    "version": section("version", {"PROD": "AvalonMiner 15-194", "MAC": "b4a2eb000001", "DNA": "02"}),
}


async def _poll(miner: FakeMiner, device: Device) -> Polled:
    async with serving(miner):
        device.port = miner.port
        return await poll(device, FAST)


def test_joined_poll(run: Run) -> None:
    miner = FakeMiner(dict(ANTMINER))
    outcome = run(_poll(miner, Device("127.0.0.1", dialect="antminer")))
    assert (outcome.miss, outcome.requests, outcome.joined_refused) == (None, 1, False)
    assert outcome.reading.hashrate_short_ths == 110.0
    assert outcome.reading.mode is Mode.MINING
    assert miner.commands == ["summary+stats+pools"]
    assert 0 < outcome.rtt_ms < 500


def test_joined_refused_is_learned_and_remembered(run: Run) -> None:
    miner = FakeMiner(dict(ANTMINER))
    miner.joined_refused = True
    device = Device("127.0.0.1", dialect="antminer")

    async def twice() -> tuple[Polled, Polled]:
        async with serving(miner):
            device.port = miner.port
            return await poll(device, FAST), await poll(device, FAST)

    first, second = run(twice())
    assert (first.requests, second.requests) == (4, 3)
    assert first.joined_refused
    assert device.joined_refused
    assert first.reading == second.reading
    assert len(first.reading.pools) == 1
    assert miner.commands == ["summary+stats+pools", *["summary", "stats", "pools"] * 2]
    assert miner.most_open == 1


def test_a_failing_single_makes_the_whole_poll_a_miss(run: Run) -> None:
    miner = FakeMiner(dict(ANTMINER))

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        raw = miner.answer(request)
        writer.write(raw[:-30] if b'"stats"' in request else raw)

    miner.behaviour = behave
    outcome = run(_poll(miner, Device("127.0.0.1", dialect="antminer", joined_refused=True)))
    assert (outcome.reading, outcome.miss, outcome.requests) == (None, MissCause.TRUNCATED, 2)


def test_a_bad_member_fails_alone(run: Run) -> None:
    outcome = run(_poll(FakeMiner(ANTMINER | {"stats": DENIED}), Device("127.0.0.1", dialect="antminer")))
    assert outcome.reading.hashrate_short_ths == 110.0
    assert outcome.reading.boards == ()


def test_everything_denied(run: Run) -> None:
    miner = FakeMiner({"summary": DENIED, "stats": DENIED, "pools": DENIED})
    outcome = run(_poll(miner, Device("127.0.0.1", dialect="antminer")))
    assert (outcome.miss, outcome.requests) == (MissCause.DENIED, 1)
    assert outcome.detail == "code 45: m"


def test_another_kind_of_miner(run: Run) -> None:
    device = Device("127.0.0.1", dialect="antminer")
    outcome = run(_poll(FakeMiner({}), device))
    assert outcome.miss is MissCause.WRONG_PROTOCOL


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b',"id":1}\0', MissCause.EMPTY),
        (b"", MissCause.EMPTY),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", MissCause.WRONG_PROTOCOL),
        (b"Socket connect failed: Connection refused\n", MissCause.BACKEND_DOWN),
        (b'{"STATUS":[{"STATUS":"E","Code":45,"Msg":"Access denied"}],"id":1}\0', MissCause.DENIED),
        (b'{"STATUS":[{"STATUS":"S"', MissCause.TRUNCATED),
        (b"garbage", MissCause.UNDECODABLE),
        (b"[" * 100_000 + b"\0", MissCause.UNDECODABLE),
    ],
)
def test_misses_by_cause(run: Run, raw: bytes, cause: MissCause) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(raw)

    device = Device("127.0.0.1", dialect="antminer")
    outcome = run(_poll(FakeMiner(behaviour=behave), device))
    assert (outcome.reading, outcome.miss) == (None, cause)
    assert device.joined_refused is False


def test_repairs_are_reported(run: Run) -> None:
    miner = FakeMiner(dict(ANTMINER))

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(miner.answer(request).replace(b"},{", b"}{"))

    miner.behaviour = behave
    outcome = run(_poll(miner, Device("127.0.0.1", dialect="antminer")))
    assert outcome.repairs == outcome.reading.repairs == Repair.MISSING_COMMA


def test_a_reset_is_a_miss_and_is_not_asked_again(run: Run) -> None:
    miner = FakeMiner(dict(ANTMINER))

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        reset(writer)

    miner.behaviour = behave
    outcome = run(_poll(miner, Device("127.0.0.1", dialect="antminer")))
    assert (outcome.miss, outcome.requests) == (MissCause.RESET, 1)


def test_whatsminer_poll_and_what_it_learns(run: Run) -> None:
    miner = FakeMiner(dict(WHATSMINER))
    outcome = run(_poll(miner, Device("127.0.0.1", dialect="whatsminer_v2")))
    assert miner.commands == ["summary+devs+pools", "status", "get_error_code"]
    assert (outcome.reading.mode, outcome.reading.error_codes) == (Mode.MINING, ("111",))
    assert outcome.reading.mac == "c4:08:28:00:a4:19"

    old = FakeMiner({name: WHATSMINER[name] for name in ("summary", "devs", "pools")})
    device = Device("127.0.0.1", dialect="whatsminer_v2")
    outcome = run(_poll(old, device))
    assert outcome.reading.mode is Mode.MINING
    assert device.unsupported == {"status", "get_error_code"}


def test_a_failing_optional_request_is_no_miss(run: Run) -> None:
    miner = FakeMiner(dict(WHATSMINER))

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        if b"status" not in request:
            writer.write(miner.answer(request))

    miner.behaviour = behave
    outcome = run(_poll(miner, Device("127.0.0.1", dialect="whatsminer_v2")))
    assert outcome.miss is None
    assert outcome.reading.hashrate_short_ths == 100.0


def test_avalon_learns_estats(run: Run) -> None:
    miner = FakeMiner(dict(AVALON))
    device = Device("127.0.0.1", dialect="avalon")
    assert run(_poll(miner, device)).reading.power_w is None
    outcome = run(_poll(miner, device))
    assert outcome.reading.power_w == 3731.0
    assert outcome.reading.mac == "b4:a2:eb:00:00:01"
    assert miner.commands == ["summary+stats+pools+version", "summary+estats+pools+version"]


def test_refused_port_and_unknown_dialect(run: Run) -> None:
    outcome = run(poll(Device("127.0.0.1", 1, "antminer"), FAST))
    assert (outcome.miss, outcome.requests) == (MissCause.REFUSED, 1)
    with pytest.raises(LookupError):
        run(poll(Device("127.0.0.1", 1, "nosuch"), FAST))


# -- the web page -------------------------------------------------------------------------------------

PAGES = {
    "/cgi-bin/get_system_info.cgi": {
        "minertype": "Antminer S19 Pro",
        "macaddr": "02:55:97:22:31:72",
        "hostname": "Antminer",
        "serinum": "SN1",
        "system_filesystem_version": "Fri 2022",
    },
    "/cgi-bin/get_miner_conf.cgi": {"bitmain-work-mode": "1", "pools": []},
}
LOGIN = HttpLogin("root", "sekret")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class FakePage:
    """The digest-guarded pages of an Antminer, checking the answer as a server does."""

    def __init__(
        self, password: str = LOGIN.password, stale: bool = False, realm: str = ANTMINER_REALM
    ) -> None:
        self.password = password
        self.stale = stale
        self.realm = realm
        self.heads: list[str] = []

    def _accepted(self, head: str, path: str) -> bool:
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', head.partition("Authorization: Digest ")[2]))
        secret = _md5(f"root:{self.realm}:{self.password}")
        parts = (secret, fields.get("nonce", ""), fields.get("nc", ""), fields.get("cnonce", ""), "auth")
        return fields.get("response") == _md5(":".join([*parts, _md5(f"GET:{path}")]))

    async def __call__(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        head = request.decode()
        self.heads.append(head)
        path = head.split(" ")[1]
        if not self._accepted(head, path) or (self.stale and len(self.heads) == 2):
            stale = ", stale=TRUE" if self.stale and len(self.heads) == 2 else ""
            challenge = f'Digest realm="{self.realm}", nonce="n{len(self.heads)}", qop="auth"{stale}'
            writer.write(f"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\n\r\n<html>".encode())
        elif path in PAGES:
            body = json.dumps(PAGES[path]).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


async def _on_page(page: FakePage, work: Any) -> Any:
    async with serving(FakeMiner(behaviour=page)) as server:
        return await work(Device("127.0.0.1", 1, "antminer", http_port=server.port))


def test_antminer_identity_from_its_page(run: Run) -> None:
    page = FakePage()
    found = run(_on_page(page, lambda device: read_identity(device, LOGIN, FAST)))
    assert found == MacIdentity("02:55:97:22:31:72", "SN1", "Fri 2022", "Antminer", "Antminer S19 Pro")
    assert len(page.heads) == 2
    assert not any("sekret" in head for head in page.heads)


def test_work_mode_proves_sleep(run: Run) -> None:
    assert run(_on_page(FakePage(), lambda device: read_work_mode(device, LOGIN, FAST))) == 1


def test_a_stale_nonce_is_answered_once_more(run: Run) -> None:
    page = FakePage(stale=True)
    assert run(_on_page(page, lambda device: read_work_mode(device, LOGIN, FAST))) == 1
    assert len(page.heads) == 3


def test_a_wrong_password_is_denied_after_one_try(run: Run) -> None:
    page = FakePage(password="other")
    with pytest.raises(MinerError) as missed:
        run(_on_page(page, lambda device: read_identity(device, LOGIN, FAST)))
    assert missed.value.cause is MissCause.DENIED
    assert "sekret" not in str(missed.value)
    assert len(page.heads) == 2


def test_no_digest_for_another_realm(run: Run) -> None:
    page = FakePage(realm="router")
    with pytest.raises(MinerError):
        run(_on_page(page, lambda device: read_identity(device, LOGIN, FAST)))
    assert not any("Authorization" in head for head in page.heads)


def test_no_login_no_attempt(run: Run) -> None:
    page = FakePage()
    assert run(_on_page(page, lambda device: read_identity(device, None, FAST))) is None
    reply = run(_on_page(page, lambda device: get("127.0.0.1", device.http_port, "/", None, FAST)))
    assert reply.status == 401
    assert len(page.heads) == 1


def test_missing_page_and_bad_paths(run: Run) -> None:
    async def fetch(device: Device) -> Any:
        return await get("127.0.0.1", device.http_port, "/cgi-bin/none.cgi", LOGIN, FAST)

    assert run(_on_page(FakePage(), fetch)).status == 404
    with pytest.raises(ValueError, match="plain path"):
        run(get("127.0.0.1", 1, "/a b\r\nX: y", None, FAST))
    with pytest.raises(ValueError, match="user name"):
        run(get("127.0.0.1", 1, "/", HttpLogin('a"b', "x"), FAST))


def test_http_that_is_none(run: Run) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b'{"STATUS":"E"}\0')
        await asyncio.sleep(1)

    async def scenario() -> None:
        async with serving(FakeMiner(behaviour=behave)) as server:
            await get("127.0.0.1", server.port, "/", None, FAST)

    with pytest.raises(MinerError) as missed:
        run(scenario())
    assert missed.value.cause is MissCause.WRONG_PROTOCOL


# -- identify -----------------------------------------------------------------------------------------


async def _identify(
    replies: dict[str, dict[str, Any]], page: FakePage | None = None
) -> tuple[Identity, FakeMiner]:
    async with serving(FakeMiner(replies)) as miner, serving(FakeMiner(behaviour=page or FakePage())) as web:
        login = None if page is None else LOGIN
        return await identify("127.0.0.1", miner.port, FAST, login, http_port=web.port), miner


def test_identify_antminer(run: Run) -> None:
    found, miner = run(_identify(ANTMINER))
    assert found == Identity("Bitmain", "Antminer S19 Pro", "t", "antminer")
    assert miner.commands == ["version"]
    found, _ = run(_identify(ANTMINER, FakePage()))
    assert (found.mac, found.serial, found.firmware) == ("02:55:97:22:31:72", "SN1", "t")


def test_identify_whatsminer(run: Run) -> None:
    found, miner = run(_identify(WHATSMINER))
    assert found == Identity(
        "MicroBT", "M50S_VH50", "20230803.11.REL", "whatsminer_v2", "c4:08:28:00:a4:19", "S1", "w"
    )
    assert miner.commands == ["version", "devdetails", "get_version", "get_miner_info"]
    assert miner.most_open == 1
    api_1 = {name: WHATSMINER[name] for name in ("summary", "devdetails", "get_version")}
    assert run(_identify(api_1))[0].mac == "c4:08:28:00:a4:19"


def test_identify_avalon_and_cgminer_and_nothing(run: Run) -> None:
    found, _ = run(_identify(AVALON))
    assert (found.make, found.dialect, found.mac) == ("Canaan", "avalon", "b4:a2:eb:00:00:01")
    generic = {"version": section("version", {"CGMiner": "4.11.1", "API": "3.7"})}
    assert run(_identify(generic))[0] == Identity(firmware="4.11.1", dialect="cgminer")
    assert run(_identify({}))[0] == Identity()


def test_identify_by_realm_when_the_api_is_closed(run: Run) -> None:
    async def scenario() -> Identity:
        async with serving(FakeMiner(behaviour=FakePage())) as web:
            return await identify("127.0.0.1", 1, FAST, http_port=web.port)

    assert run(scenario()) == Identity(make="Bitmain", dialect="antminer")


def test_identify_nobody(run: Run) -> None:
    with pytest.raises(MinerError) as missed:
        run(identify("127.0.0.1", 1, FAST, http_port=1))
    assert missed.value.cause is MissCause.REFUSED


def test_read_identity_of_the_other_dialects(run: Run) -> None:
    async def scenario(dialect: str, replies: dict[str, dict[str, Any]]) -> MacIdentity | None:
        async with serving(FakeMiner(replies)) as miner:
            return await read_identity(Device("127.0.0.1", miner.port, dialect), None, FAST)

    whatsminer = run(scenario("whatsminer_v2", WHATSMINER))
    assert whatsminer == MacIdentity("c4:08:28:00:a4:19", "S1", "20230803.11.REL", "w", None)
    assert run(scenario("avalon", AVALON)).mac == "b4:a2:eb:00:00:01"
    assert run(scenario("cgminer", {})) is None
