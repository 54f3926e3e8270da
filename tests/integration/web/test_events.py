"""The stream of news over a real server and a real Redis."""

from __future__ import annotations

import asyncio
import http.client
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client

from hashinsight.accounts.models import Membership
from hashinsight.core import clock, push
from hashinsight.web import events, live
from hosting.fleet.models import Miner
from tests.pages.serve import serving
from tests.support.factories import make_miner

if TYPE_CHECKING:
    from hashinsight.accounts.models import User
    from tests.support.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A uvicorn of our own in a thread, its database connections under hi_web."""
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.3)
    monkeypatch.setattr(events, "RECHECK_S", 0.6)
    monkeypatch.setattr(live, "LINGER_S", 0.2)
    with serving() as number:
        yield number


@dataclass
class Stream:
    """An open ``/events/``; ``wait_for`` reads until an event of that name."""

    response: http.client.HTTPResponse
    connection: http.client.HTTPConnection

    def lines_until(self, name: str, seconds: float = 5.0) -> list[str]:
        """Lines up to and with the data of the event; raises TimeoutError when it does not come."""
        assert self.connection.sock is not None
        self.connection.sock.settimeout(0.5)
        lines: list[str] = []
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                raw = self.response.readline()
            except TimeoutError:
                continue
            if not raw:
                raise EOFError(lines)
            lines.append(raw.decode().rstrip("\n"))
            if len(lines) > 1 and lines[-2] == f"event: {name}":
                return lines
        raise TimeoutError(lines)

    def data_of(self, name: str) -> Any:
        """The data of the next event ``name``."""
        return orjson.loads(self.lines_until(name)[-1].removeprefix("data: "))

    def close(self) -> None:
        """Leave as a browser does."""
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()


@pytest.fixture
def open_stream(port: int) -> Iterator[Callable[[User], tuple[Stream, Client]]]:
    """Open a stream as a person; gives the stream and the test client that owns the session."""
    opened: list[Stream] = []

    def make(user: User) -> tuple[Stream, Client]:
        client = Client()
        client.force_login(user)
        cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
        web = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        web.request("GET", "/events/", headers={"Cookie": cookie, "Host": "localhost"})
        # The response takes the socket over for good; keep it at hand for time-outs.
        sock = web.sock
        stream = Stream(web.getresponse(), web)
        web.sock = sock
        opened.append(stream)
        return stream, client

    yield make
    for stream in opened:
        stream.close()


def _publish_until_heard(site_id: int, host_id: int, stream: Stream) -> Any:
    """Publish and read; the subscription needs a moment after the first viewer, so the first may be lost."""
    for _attempt in range(20):
        push.site_changed(site_id, host_id=host_id, slot_at=clock.now(), rows=1)
        try:
            return orjson.loads(stream.lines_until("sweep", 0.5)[-1].removeprefix("data: "))
        except TimeoutError:
            continue
    raise AssertionError("no message arrived")


def test_anonymous_is_refused(port: int) -> None:
    web = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    web.request("GET", "/events/", headers={"Host": "localhost"})
    assert web.getresponse().status == 401
    web.close()


def test_news_of_an_own_site_arrives(cast: Cast, open_stream: Callable[..., Any]) -> None:
    stream, _client = open_stream(cast.owner)
    assert stream.response.status == 200
    assert stream.response.headers["Content-Type"] == "text/event-stream"
    assert stream.response.headers["X-Accel-Buffering"] == "no"
    assert stream.response.headers["Cache-Control"] == "no-store"
    assert stream.data_of("hello") == {}
    heard = _publish_until_heard(cast.site.pk, cast.host.pk, stream)
    assert heard["site"] == cast.site.public_id
    assert set(heard) == {"site", "slot_at"}


def test_news_of_others_do_not_arrive(cast: Cast, open_stream: Callable[..., Any]) -> None:
    stream, _client = open_stream(cast.operator)
    stream.data_of("hello")
    _publish_until_heard(cast.site.pk, cast.host.pk, stream)
    for site in (cast.other_site, cast.stranger_site):
        push.site_changed(site.pk, host_id=site.host_id, slot_at=clock.now(), rows=1)
    # A forged host does not help either.
    push.site_changed(cast.site.pk, host_id=cast.host2.pk, slot_at=clock.now(), rows=1)
    with pytest.raises(TimeoutError):
        stream.lines_until("sweep", 1.5)


def test_customer_hears_of_sites_with_own_machines(cast: Cast, open_stream: Callable[..., Any]) -> None:
    make_miner(cast.site, cast.customer_a)
    stream, _client = open_stream(cast.client_a)
    stream.data_of("hello")
    assert _publish_until_heard(cast.site.pk, cast.host.pk, stream)["site"] == cast.site.public_id
    push.site_changed(cast.other_site.pk, host_id=cast.host.pk, slot_at=clock.now(), rows=1)
    with pytest.raises(TimeoutError):
        stream.lines_until("sweep", 1.0)
    # A machine that is put there meanwhile opens the site at the next check.
    make_miner(cast.other_site, cast.customer_a)
    assert _publish_until_heard(cast.other_site.pk, cast.host.pk, stream)["site"] == cast.other_site.public_id
    assert Miner.objects.count() == 2


def test_keep_alive_comes_without_news(cast: Cast, open_stream: Callable[..., Any]) -> None:
    stream, _client = open_stream(cast.owner)
    stream.data_of("hello")
    with pytest.raises(TimeoutError) as waited:
        stream.lines_until("sweep", 1.2)
    assert waited.value.args[0].count(": still here") >= 2


def test_stream_ends_at_sign_out(cast: Cast, open_stream: Callable[..., Any]) -> None:
    stream, client = open_stream(cast.owner)
    stream.data_of("hello")
    client.logout()
    stream.lines_until("bye", 4)
    with pytest.raises(EOFError):
        stream.lines_until("sweep", 2)


def test_stream_ends_with_the_membership(cast: Cast, open_stream: Callable[..., Any]) -> None:
    stream, _client = open_stream(cast.owner)
    stream.data_of("hello")
    Membership.objects.filter(user=cast.owner).delete()
    stream.lines_until("bye", 4)


def test_viewers_hold_no_database_connection(cast: Cast, open_stream: Callable[..., Any]) -> None:
    streams = [open_stream(cast.owner)[0] for _ in range(6)]
    for stream in streams:
        stream.data_of("hello")
    time.sleep(0.2)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND application_name LIKE 'hashinsight%'"
        )
        (others,) = cursor.fetchone()
    # One may be caught in the middle of its periodic check; six would be one a viewer.
    assert others <= 2


def test_hub_comes_back_when_redis_drops_it(cast: Cast, open_stream: Callable[..., Any]) -> None:
    stream, _client = open_stream(cast.owner)
    stream.data_of("hello")
    _publish_until_heard(cast.site.pk, cast.host.pk, stream)
    cache = redis.Redis.from_url(settings.REDIS_CACHE_URL)
    assert cache.client_kill_filter(_type="pubsub") >= 1
    cache.close()
    assert stream.data_of("reload") == {}
    assert _publish_until_heard(cast.site.pk, cast.host.pk, stream)["site"] == cast.site.public_id


def test_slow_viewer_is_told_to_reload() -> None:
    async def fill() -> list[tuple[str, dict[str, Any]]]:
        viewer = live.Viewer(host_id=1, sites={1: "a"})
        hub = live.Hub("redis://127.0.0.1:1/0")
        hub._viewers.add(viewer)
        for _ in range(live.QUEUE_SIZE + 1):
            hub.spread(b'{"site": 1, "host": 1, "slot_at": null, "rows": 1}')
        hub.spread(b"no message")
        hub.spread(b'{"site": 2, "host": 1}')
        return [viewer.queue.get_nowait() for _ in range(viewer.queue.qsize())]

    assert asyncio.run(fill()) == [(live.RELOAD, {})]
