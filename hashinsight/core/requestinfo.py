"""Facts about the request being served, for audit entries and log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """Id and peer address of a request; empty outside of one."""

    request_id: str = ""
    address: str | None = None


def client_address(meta: Mapping[str, str], trusted_proxies: int) -> str | None:
    """Who asks: the peer, or what the outermost of ``trusted_proxies`` proxies of ours wrote down.

    Each of our proxies appends its own peer to X-Forwarded-For, so that the n-th entry from the right is
    true and everything left of it may be made up by the caller. None when there is no valid address.
    """
    candidate = meta.get("REMOTE_ADDR", "")
    if trusted_proxies > 0:
        forwarded = [part.strip() for part in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        if len(forwarded) >= trusted_proxies:
            candidate = forwarded[-trusted_proxies]
    try:
        return str(ip_address(candidate))
    except ValueError:
        return None


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
