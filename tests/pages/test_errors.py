"""Error pages: plain, in our look, and without database, cache or session."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from hashinsight.web.views import csrf_failure, server_error

TEMPLATES = ["errors/500.html", "errors/503.html", "errors/csrf.html", "404.html", "403.html"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_need_nothing(template: str) -> None:
    """Without the db fixture, a query would fail the test."""
    page = render_to_string(template, {})
    assert "HashInsight" in page
    assert "<h1>" in page


def _answer_to(error: Exception) -> Any:
    try:
        raise error
    except type(error):
        return server_error(RequestFactory().get("/"))


def test_database_away_is_503_with_retry() -> None:
    answer = _answer_to(OperationalError("gone"))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Refresh"] == "5"
    assert "gone" not in answer.content.decode()


def test_fault_of_ours_is_500_without_details() -> None:
    answer = _answer_to(RuntimeError("secret detail"))
    assert answer.status_code == 500
    assert "secret detail" not in answer.content.decode()


def test_csrf_failure_says_what_to_do() -> None:
    answer = csrf_failure(RequestFactory().post("/"))
    assert answer.status_code == 403
    assert "reload it" in answer.content.decode()


@pytest.mark.django_db
def test_database_away_during_a_request() -> None:
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32
    with patch(
        "django.contrib.sessions.backends.cached_db.SessionStore.load", side_effect=OperationalError("gone")
    ):
        answer = client.get("/")
    assert answer.status_code == 503


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/password/reset/",
        "/accounts/signup/",
        "/accounts/password/reset/done/",
        "/accounts/inactive/",
    ],
)
def test_sign_in_pages_are_ours(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "css/tokens.css" in page
    assert "entrance-card" in page
