"""The wire over real TCP: each way to fail has its cause, and nothing leaks."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hashinsight.integrations.miners.decode import decode
from hashinsight.integrations.miners.errors import LocalFaultError, MinerError
from hashinsight.integrations.miners.readings import MissCause
from hashinsight.integrations.miners.transport import MAX_REQUEST, Deadlines, ask
from tests.integration.miners.conftest import Run
from tests.integration.miners.fake import Behaviour, FakeMiner, reset, serving

FAST = Deadlines(connect_s=0.3, first_byte_s=0.3, total_s=0.6)
REQUEST = b'{"command":"summary"}'
REPLY = b'{"STATUS":[{"STATUS":"S","Code":11}],"SUMMARY":[{"Elapsed":5}],"id":1}'


async def _talk(behaviour: Behaviour, deadlines: Deadlines = FAST) -> bytes:
    async with serving(FakeMiner(behaviour=behaviour)) as miner:
        return await ask("127.0.0.1", miner.port, REQUEST, deadlines)


def _cause(run: Run, behaviour: Behaviour, deadlines: Deadlines = FAST) -> MissCause:
    with pytest.raises(MinerError) as missed:
        run(_talk(behaviour, deadlines))
    return missed.value.cause


def _sends(*parts: bytes, pause_s: float = 0.0, hang_s: float = 0.0, then_reset: bool = False) -> Behaviour:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        await asyncio.sleep(hang_s)
        if then_reset:
            await asyncio.sleep(0.05)
            reset(writer)

    return behave


def test_reads_to_the_nul_although_the_peer_keeps_the_line(run: Run) -> None:
    started = time.monotonic()
    raw = run(_talk(_sends(REPLY + b"\0", hang_s=2.0), Deadlines()))
    assert time.monotonic() - started < 1.5
    assert raw == REPLY + b"\0"


def test_reads_to_eof(run: Run) -> None:
    assert run(_talk(_sends(REPLY))) == REPLY


def test_reads_a_reply_in_many_parts(run: Run) -> None:
    parts = [REPLY[at : at + 7] for at in range(0, len(REPLY), 7)]
    assert run(_talk(_sends(*parts, b"\0", pause_s=0.01))) == REPLY + b"\0"


def test_stops_at_a_newline_after_whole_json_while_the_socket_stays_open(run: Run) -> None:
    started = time.monotonic()
    assert run(_talk(_sends(REPLY + b"\n", hang_s=2.0), Deadlines())) == REPLY + b"\n"
    assert time.monotonic() - started < 1.5


def test_a_newline_inside_the_reply_does_not_stop_it(run: Run) -> None:
    first, second = b'{"STATUS":"S","Msg":{}\n', b',"id":1}\0'
    assert run(_talk(_sends(first, second, pause_s=0.05))) == first + second


def test_whole_json_counts_at_the_deadline_and_after_a_reset(run: Run) -> None:
    assert run(_talk(_sends(REPLY, hang_s=2.0))) == REPLY
    assert run(_talk(_sends(REPLY, then_reset=True))) == REPLY


def test_refused(run: Run) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: RST to the SYN
        with pytest.raises(MinerError) as missed:
            run(ask("127.0.0.1", held.getsockname()[1], REQUEST, FAST))
    assert missed.value.cause is MissCause.REFUSED


@contextmanager
def blackhole() -> Iterator[tuple[str, int]]:
    """An address whose SYNs are dropped."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        fillers = []
        for _ in range(4):  # the queue takes one or two, the rest of the SYNs are dropped
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((host, port))
            fillers.append(filler)
        yield host, port
        for filler in fillers:
            filler.close()


def test_blackhole(run: Run) -> None:
    with blackhole() as (host, port):
        started = time.monotonic()
        with pytest.raises(MinerError) as missed:
            run(ask(host, port, REQUEST, FAST))
        assert 0.25 < time.monotonic() - started < 1.0
    assert missed.value.cause is MissCause.TIMEOUT
    assert "no connection" in missed.value.detail


def test_the_connect_deadline_leaves_the_task_as_it_was(run: Run) -> None:
    async def scenario(host: str, port: int) -> int:
        with pytest.raises(MinerError):
            await ask(host, port, REQUEST, FAST)
        await asyncio.sleep(0)  # a cancellation that is still due would come here
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    with blackhole() as (host, port):
        assert run(scenario(host, port)) == 0


def test_a_cancellation_outranks_the_connect_deadline(run: Run) -> None:
    async def scenario(host: str, port: int) -> None:
        task = asyncio.create_task(ask(host, port, REQUEST, FAST))
        await asyncio.sleep(FAST.connect_s / 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # Both due in one turn of the loop: the deadline's own cancellation first, then someone else's.
        short = Deadlines(connect_s=0.01, first_byte_s=0.3, total_s=0.6)
        task = asyncio.create_task(ask(host, port, REQUEST, short))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(short.connect_s, task.cancel)
        time.sleep(0.05)
        with pytest.raises(asyncio.CancelledError):
            await task

    with blackhole() as (host, port):
        run(scenario(host, port))


def test_accept_and_hang(run: Run) -> None:
    started = time.monotonic()
    assert _cause(run, _sends(hang_s=2.0)) is MissCause.TIMEOUT
    assert time.monotonic() - started < 1.5


def test_slow_to_the_first_byte_but_in_time(run: Run) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        await asyncio.sleep(0.15)
        writer.write(REPLY + b"\0")

    assert run(_talk(behave)) == REPLY + b"\0"


def test_a_dripping_reply_ends_at_the_total_deadline(run: Run) -> None:
    assert _cause(run, _sends(*[b"{"] * 100, pause_s=0.05)) is MissCause.TIMEOUT


def test_reset_before_and_within_the_reply(run: Run) -> None:
    assert _cause(run, _sends(then_reset=True)) is MissCause.RESET
    assert _cause(run, _sends(REPLY[:20], then_reset=True)) is MissCause.RESET


def test_closed_with_zero_bytes(run: Run) -> None:
    assert _cause(run, _sends()) is MissCause.EMPTY


def test_a_truncated_reply_is_refused_by_decode(run: Run) -> None:
    raw = run(_talk(_sends(REPLY[:-9])))
    with pytest.raises(MinerError) as missed:
        decode(raw)
    assert missed.value.cause is MissCause.TRUNCATED


def test_over_a_mebibyte(run: Run) -> None:
    assert _cause(run, _sends(*[b"x" * 65536] * 17), Deadlines()) is MissCause.UNDECODABLE


@pytest.mark.parametrize("request_", [b"", b"x" * (MAX_REQUEST + 1), b'{"command":"summary"}\0'])
def test_requests_that_a_miner_cannot_take(run: Run, request_: bytes) -> None:
    with pytest.raises(ValueError, match="a request"):
        run(ask("127.0.0.1", 1, request_, FAST))


def test_the_longest_request_arrives_whole(run: Run) -> None:
    async def scenario() -> bytes:
        async with serving(FakeMiner(behaviour=_sends(REPLY))) as miner:
            await ask("127.0.0.1", miner.port, b"x" * MAX_REQUEST, FAST)
            return miner.requests[0]

    assert run(scenario()) == b"x" * MAX_REQUEST


def test_cancelling_frees_the_socket(run: Run) -> None:
    async def scenario() -> int:
        async with serving(FakeMiner(behaviour=_sends(hang_s=0.5))) as miner:
            task = asyncio.create_task(ask("127.0.0.1", miner.port, REQUEST, Deadlines()))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.6)
            return miner.open

    assert run(scenario()) == 0


def test_our_own_lack_of_files_is_no_miss(run: Run) -> None:
    async def scenario() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        held: list[socket.socket] = []
        async with serving(FakeMiner(behaviour=_sends(REPLY))) as miner:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            try:
                while True:
                    held.append(socket.socket())
            except OSError:
                pass
            try:
                await ask("127.0.0.1", miner.port, REQUEST, FAST)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for sock in held:
                    sock.close()

    with pytest.raises(LocalFaultError):
        run(scenario())
