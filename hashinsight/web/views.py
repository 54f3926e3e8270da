"""Answers to errors: plain pages that need no database and no cache."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

AWAY = (OperationalError, InterfaceError, PoolTimeout, RedisConnectionError, RedisTimeoutError)
RETRY_AFTER_S = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """503 with Retry-After when the database or cache is away, else 500 with the request's id."""
    error = sys.exc_info()[1]
    away = isinstance(error, AWAY)
    context = {"request_id": getattr(request, "hi_request_id", "")}
    page = render_to_string("errors/503.html" if away else "errors/500.html", context)
    response = HttpResponse(page, status=503 if away else 500)
    if away:
        response["Retry-After"] = str(RETRY_AFTER_S)
        response["Refresh"] = str(RETRY_AFTER_S)
    response["Cache-Control"] = "no-store"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 that says what to do; the reason itself goes to the log only."""
    return HttpResponse(render_to_string("errors/csrf.html", {}), status=403)
