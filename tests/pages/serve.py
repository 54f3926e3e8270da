"""A real ASGI server for tests: streams cannot be tested over Django's own live server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from django.core.asgi import get_asgi_application

from tests.support.roles import threads_as_web


@contextmanager
def serving() -> Iterator[int]:
    """Serve the application by uvicorn in a thread, its database connections under hi_web; gives the port."""
    config = uvicorn.Config(
        get_asgi_application(),
        port=0,
        log_level="error",
        lifespan="off",
        loop="asyncio",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with threads_as_web():
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield _port_of(server)
        finally:
            server.should_exit = True
            thread.join(10)
    assert not thread.is_alive()


def _port_of(server: uvicorn.Server) -> int:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        if server.started:
            number: int = server.servers[0].sockets[0].getsockname()[1]
            return number
        time.sleep(0.02)
    raise AssertionError("uvicorn did not start")
