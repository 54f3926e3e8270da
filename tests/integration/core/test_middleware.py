"""What stands around every view: scope, transaction, request id, plain error pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from hashinsight.core.requestinfo import current_request
from hashinsight.core.scope import current_scope
from hashinsight.urls import *  # noqa: F403  (this module is also a map of its own for these tests)
from hashinsight.urls import urlpatterns as real_urls
from hosting.fleet.models import Site
from tests.support.cast import Cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]
ClientFor = Callable[..., Any]


def rename(request: HttpRequest) -> HttpResponse:
    Site.objects.update(name="renamed")
    if request.GET.get("fail"):
        raise ZeroDivisionError
    return HttpResponse("ok")


def look(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    scope = current_scope()
    seen = Site.objects.count()
    return HttpResponse(f"{role} {scope and scope.role} {seen} {current_request().request_id}")


def late(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "errors/plain.html", {"sites": Site.objects.all()})


def away(request: HttpRequest) -> HttpResponse:
    raise OperationalError("the connection is closed")


urlpatterns = [
    *real_urls,
    path("t/rename/", rename),
    path("t/look/", look),
    path("t/late/", late),
    path("t/away/", away),
]


def test_a_views_exception_rolls_back_and_shows_a_plain_page(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.owner, raise_request_exception=False)
    failed = client.get("/t/rename/?fail=1")
    assert failed.status_code == 500
    assert failed["X-Request-ID"] in failed.content.decode()
    assert "ZeroDivisionError" not in failed.content.decode()
    assert not Site.objects.filter(name="renamed").exists()
    assert client.get("/t/rename/").status_code == 200
    assert {site.slug for site in Site.objects.filter(name="renamed")} == {"north", "south"}


@pytest.mark.parametrize(
    ("who", "expected"), [("owner", "owner 2"), ("operator", "user 1"), ("stranger", "owner 1")]
)
def test_a_view_runs_in_its_callers_scope(cast: Cast, client_for: ClientFor, who: str, expected: str) -> None:
    answer = client_for(getattr(cast, who)).get("/t/look/")
    assert answer.content.decode() == f"hi_web {expected} {answer['X-Request-ID']}"
    assert current_scope() is None


def test_a_lazy_template_is_rendered_inside_the_scope(cast: Cast, client_for: ClientFor) -> None:
    assert client_for(cast.owner).get("/t/late/").status_code == 200


def test_strangers_to_the_installation_are_sent_to_sign_in(cast: Cast, client_for: ClientFor) -> None:
    answer = client_for().get("/t/rename/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/t/rename/")
    assert not Site.objects.filter(name="renamed").exists()


def test_a_database_that_is_away_is_a_503_with_retry_after(cast: Cast, client_for: ClientFor) -> None:
    answer = client_for(cast.owner, raise_request_exception=False).get("/t/away/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_the_policy_allows_no_inline_script(cast: Cast, client_for: ClientFor) -> None:
    policy = client_for(cast.owner).get("/t/look/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
