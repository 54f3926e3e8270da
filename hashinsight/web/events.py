"""``/events/``: server-sent events for open pages. They say that a site has news, never what the news are."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from typing import Any, Final, cast

import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.db import OperationalError, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.module_loading import import_string
from psycopg_pool import PoolTimeout

from hashinsight.core.scope import Scope, open_scope, scope_of
from hashinsight.web.live import Viewer, hub

log = logging.getLogger(__name__)

KEEP_ALIVE_S: Final = 15.0
RECHECK_S: Final = 30.0
RETRY_MS: Final = 2000


@login_not_required
async def events(request: HttpRequest) -> HttpResponseBase:
    """The stream of the signed-in caller's sites; 401 for everybody else, 501 on a server without ASGI."""
    session_key = request.session.session_key
    if session_key is None:
        return HttpResponse(status=401)
    viewer = await sync_to_async(_viewer)(session_key)
    # The middleware's connection would otherwise be kept until the stream ends.
    await sync_to_async(connections.close_all)()
    if viewer is None:
        return HttpResponse(status=401)
    if not isinstance(request, ASGIRequest):
        # A WSGI server would give a thread to this stream for as long as the page is open.
        return HttpResponse(status=501)
    response = StreamingHttpResponse(_stream(viewer, session_key), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def _stream(viewer: Viewer, session_key: str) -> AsyncIterator[bytes]:
    checked_at = time.monotonic()
    async with hub().watch(viewer):
        yield f"retry: {RETRY_MS}\n\n".encode() + encode("hello", {})
        while True:
            try:
                event, data = await asyncio.wait_for(viewer.queue.get(), KEEP_ALIVE_S)
            except TimeoutError:
                yield b": still here\n\n"
            else:
                yield encode(event, data)
            if time.monotonic() - checked_at >= RECHECK_S:
                if not await _still_allowed(viewer, session_key):
                    yield encode("bye", {})
                    return
                checked_at = time.monotonic()


def encode(event: str, data: dict[str, Any]) -> bytes:
    """One message in the format of server-sent events."""
    return b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


async def _still_allowed(viewer: Viewer, session_key: str) -> bool:
    """Whether session and membership still stand; takes up new sites on the way.

    When the database is away the stream goes on: it carries no tenant data, and each page that is
    asked for afterwards is checked by itself.
    """
    try:
        now = await sync_to_async(_viewer, thread_sensitive=False)(session_key)
    except (OperationalError, PoolTimeout) as error:
        log.warning("live news: a viewer could not be checked (%s)", error)
        return True
    if now is None or now.host_id != viewer.host_id:
        return False
    viewer.sites = now.sites
    return True


def _viewer(session_key: str) -> Viewer | None:
    """Who looks, and at which sites; None for a session that is over. Leaves no connection behind."""
    try:
        scope = _scope_of_session(session_key)
        if scope is None:
            return None
        with open_scope(scope):
            return Viewer(host_id=scope.host_id, sites=_sites(scope))
    finally:
        connections.close_all()


def _scope_of_session(session_key: str) -> Scope | None:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return scope_of(user) if user.is_authenticated and user.is_active else None


def _sites(scope: Scope) -> Mapping[int, str]:
    return cast("Mapping[int, str]", import_string(settings.LIVE_SITES_PROVIDER)(scope))
