"""Guards of views: which action a page needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from hashinsight.core.scope import Scope

View = Callable[..., HttpResponseBase]


def requires(action: str) -> Callable[[View], View]:
    """Let the view run only for a caller whose role allows ``action``; everybody else gets 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            scope = scope_on(request)
            if scope is None or not scope.may(action):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.hi_action = action  # type: ignore[attr-defined]
        return guarded

    return decorate


def scope_on(request: HttpRequest) -> Scope | None:
    """The caller's scope, None for people without a membership."""
    return getattr(request, "scope_", None)
