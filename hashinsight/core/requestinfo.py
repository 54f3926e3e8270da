"""Facts about the request being served, for audit entries and log lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """Id and peer address of a request; empty outside of one."""

    request_id: str = ""
    address: str | None = None


_current: ContextVar[RequestInfo] = ContextVar("hi_request", default=RequestInfo())  # noqa: B039


def current_request() -> RequestInfo:
    """The request being served here, or an empty one."""
    return _current.get()


@contextmanager
def serving(info: RequestInfo) -> Iterator[None]:
    """Mark the block as serving ``info``."""
    token = _current.set(info)
    try:
        yield
    finally:
        _current.reset(token)
