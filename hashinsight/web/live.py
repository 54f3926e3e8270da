"""News for open pages: one Redis subscription per process, fanned out to the viewers by queues.

A viewer holds a small queue and nothing else: no thread, no database connection, no Redis connection.
Who is too slow to empty the queue is told to reload instead of being served a backlog.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson
import redis.asyncio as aredis
from django.conf import settings
from redis.exceptions import RedisError

from hashinsight.core.push import CHANNEL_PATTERN

log = logging.getLogger(__name__)

QUEUE_SIZE: Final = 32
RECONNECT_S: Final = (0.2, 0.5, 1.0, 2.0)
LINGER_S: Final = 5.0
SWEEP: Final = "sweep"
RELOAD: Final = "reload"


@dataclass(slots=True, eq=False)
class Viewer:
    """One open page. ``sites``: internal to public id of the sites whose news it may hear."""

    host_id: int
    sites: Mapping[int, str]
    queue: asyncio.Queue[tuple[str, dict[str, Any]]] = field(
        default_factory=lambda: asyncio.Queue(maxsize=QUEUE_SIZE)
    )

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """Queue a message; a full queue is emptied and replaced by one “reload”."""
        try:
            self.queue.put_nowait((event, data))
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait((RELOAD, {}))


class Hub:
    """The process's subscription and its viewers. Lives in one event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watch(self, viewer: Viewer) -> AsyncIterator[Viewer]:
        """Send news to ``viewer`` while the block runs."""
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="hi-live")
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)

    def spread(self, raw: bytes) -> None:
        """Hand a message to those who may hear it; what is no message of ours is dropped with a log line."""
        try:
            message = orjson.loads(raw)
            site, host = int(message["site"]), int(message["host"])
        except (ValueError, KeyError, TypeError):
            log.warning("a push message could not be read: %r", raw[:200])
            return
        for viewer in self._viewers:
            public_id = viewer.sites.get(site)
            if public_id is not None and viewer.host_id == host:
                viewer.tell(SWEEP, {"site": public_id, "slot_at": message.get("slot_at")})

    async def _run(self) -> None:
        """Listen until nobody watches any more; come back by itself when Redis goes away."""
        failures = 0
        while await self._is_wanted():
            try:
                async with aredis.Redis.from_url(
                    self._url, socket_connect_timeout=2, socket_keepalive=True, health_check_interval=15
                ) as client:
                    await self._listen(client, again=failures > 0)
                failures = 0
            except (RedisError, OSError) as error:
                log.warning("live news: Redis is away (%s)", error)
                await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
                failures += 1

    async def _listen(self, client: aredis.Redis, *, again: bool) -> None:
        async with client.pubsub() as subscription:
            await subscription.psubscribe(CHANNEL_PATTERN)
            if again:
                # What was published meanwhile is lost: let every page look for itself.
                for viewer in self._viewers:
                    viewer.tell(RELOAD, {})
            while await self._is_wanted():
                message = await subscription.get_message(ignore_subscribe_messages=True, timeout=LINGER_S)
                if message is not None:
                    self.spread(message["data"])

    async def _is_wanted(self) -> bool:
        if not self._viewers:
            # A page that is being reloaded leaves and comes back: keep the subscription for a moment.
            await asyncio.sleep(LINGER_S)
        return bool(self._viewers)

    async def close(self) -> None:
        """End the subscription (tests and shutdown)."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(settings.REDIS_CACHE_URL)
    return _hubs[loop]
