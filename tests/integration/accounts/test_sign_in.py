"""Signing in through allauth, as hi_web."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from hashinsight.accounts.models import User
from tests.support.cast import PASSWORD, Cast
from tests.support.database import forget_cache

ClientFor = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_rate_left_from_other_tests() -> None:
    forget_cache()


def sign_in(client: Any, email: str, password: str) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password})


@pytest.mark.parametrize("email", ["owner@example.test", "OWNER@Example.Test"])
def test_the_right_password_signs_in(cast: Cast, client_for: ClientFor, email: str) -> None:
    client = client_for()
    answer = sign_in(client, email, PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/").status_code == 200


def test_a_wrong_password_and_an_unknown_person_look_the_same(cast: Cast, client_for: ClientFor) -> None:
    pages = []
    for email, password in (("owner@example.test", "wrong wrong wrong"), ("nobody@example.test", PASSWORD)):
        client = client_for()
        answer = sign_in(client, email, password)
        assert answer.status_code == 200
        assert "_auth_user_id" not in client.session
        errors = answer.context["form"].errors
        pages.append({field: list(texts) for field, texts in errors.items()})
    assert pages[0] == pages[1] != {}
    text = str(pages[0]).lower()
    assert "and/or" in text or ("e-mail" in text.replace("email", "e-mail") and "password" in text)


def test_who_is_inactive_is_not_signed_in(cast: Cast, client_for: ClientFor) -> None:
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    client = client_for()
    sign_in(client, "owner@example.test", PASSWORD)
    assert "_auth_user_id" not in client.session


def test_sign_up_is_closed(cast: Cast, client_for: ClientFor) -> None:
    count = User.objects.count()
    form = {"email": "new@example.test", "password1": PASSWORD, "password2": PASSWORD}
    for answer in (
        client_for().get(reverse("account_signup")),
        client_for().post(reverse("account_signup"), form),
    ):
        assert answer.status_code == 200
        assert "account/signup_closed.html" in [template.name for template in answer.templates]
    assert User.objects.count() == count


def test_signing_out_needs_a_post_and_ends_the_session(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.owner)
    client.get(reverse("account_logout"))
    assert client.get("/").status_code == 200
    client.post(reverse("account_logout"))
    assert client.get("/").status_code == 302


def test_many_wrong_tries_are_slowed_down(cast: Cast, client_for: ClientFor) -> None:
    client = client_for()
    answers = [sign_in(client, "owner@example.test", f"wrong {n}") for n in range(12)]
    texts = [
        str(getattr(answer, "context", None) and answer.context["form"].errors) for answer in answers[:-1]
    ]
    assert "Too many" in str(texts) or any(answer.status_code == 429 for answer in answers)
