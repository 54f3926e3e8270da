"""Telling open pages that something is new. Messages carry what changed, never tenant data."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import lru_cache
from typing import Final

import orjson
import redis
from django.conf import settings

log = logging.getLogger(__name__)

CHANNEL_PREFIX: Final = "hi:push:site:"
CHANNEL_PATTERN: Final = CHANNEL_PREFIX + "*"


def site_channel(site_id: int) -> str:
    """The Redis channel of a site."""
    return f"{CHANNEL_PREFIX}{site_id}"


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_CACHE_URL, socket_connect_timeout=1, socket_timeout=1)


def site_changed(site_id: int, *, host_id: int, slot_at: datetime, rows: int) -> bool:
    """Publish “this site has news of the slot”; False (and a log line) when Redis is away.

    A lost message harms nothing: pages also watch their own clock, and the next sweep speaks again.
    """
    message = {"site": site_id, "host": host_id, "slot_at": slot_at, "rows": rows}
    try:
        _client().publish(site_channel(site_id), orjson.dumps(message))
    except (redis.ConnectionError, redis.TimeoutError) as error:
        log.warning("site %s: open pages were not told of the new sweep (%s)", site_id, error)
        return False
    return True
