"""What happens around every page: a request id for the logs, and the caller's scope around the view."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from hashinsight.core.requestinfo import RequestInfo, client_address, serving
from hashinsight.core.scope import open_scope, scope_of

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Gives each request an id, shown to the visitor on errors and written beside audit entries."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request under its id."""
        address = client_address(request.META, settings.TRUSTED_PROXY_COUNT)
        info = RequestInfo(request_id=secrets.token_hex(8), address=address)
        request.hi_request_id = info.request_id  # type: ignore[attr-defined]
        with serving(info):
            response = self.get_response(request)
        response["X-Request-ID"] = info.request_id
        return response


class ScopeMiddleware:
    """Runs each sync view inside the signed-in caller's scope: one transaction under row-level security.

    Must be the last middleware, since it calls the view itself: what the view raises rolls its
    transaction back before it becomes an error page. Async views and streams open their own scope.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; the work is in ``process_view``."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Call the view inside the scope, or leave it alone when there is none to open."""
        request.scope_ = None  # type: ignore[attr-defined]
        if iscoroutinefunction(view) or not request.user.is_authenticated:
            return None
        scope = scope_of(request.user)
        if scope is None:
            return None
        request.scope_ = scope  # type: ignore[attr-defined]
        with open_scope(scope):
            response: Any = view(request, *args, **kwargs)
            if hasattr(response, "render") and callable(response.render) and not response.is_rendered:
                response = response.render()
        return response  # type: ignore[no-any-return]
