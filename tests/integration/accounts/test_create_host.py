"""The first host of an installation, by command."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from hashinsight.accounts.models import Organization, User
from hashinsight.accounts.selectors import scope_of

pytestmark = pytest.mark.django_db


def create(monkeypatch: pytest.MonkeyPatch, name: str, owner: str, password: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("create_host", name=name, owner=owner, stdout=io.StringIO())


def test_host_and_owner_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    create(monkeypatch, "Example Mining", "owner@example.com", "seven-quiet-lamps-4")
    owner = User.objects.get(email="owner@example.com")
    scope = scope_of(owner)
    assert owner.check_password("seven-quiet-lamps-4")
    assert scope is not None
    assert (scope.role, scope.host_id) == ("owner", Organization.objects.get(slug="example-mining").pk)


@pytest.mark.parametrize(
    ("name", "owner", "password", "word"),
    [
        ("Other", "other@example.com", "short", "too short"),
        ("Example Mining", "second@example.com", "seven-quiet-lamps-4", "exists already"),
        ("Third", "owner@example.com", "seven-quiet-lamps-4", "exists"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, name: str, owner: str, password: str, word: str
) -> None:
    create(monkeypatch, "Example Mining", "owner@example.com", "seven-quiet-lamps-4")
    with pytest.raises(CommandError, match=word):
        create(monkeypatch, name, owner, password)
    assert (Organization.objects.count(), User.objects.count()) == (1, 1)
