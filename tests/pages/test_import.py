"""The import page: try out, confirm, export."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from hosting.fleet.models import Miner
from tests.integration.fleet.test_imports import HEADER, line
from tests.support.cast import Cast
from tests.support.factories import make_miner

ClientFor = Callable[..., Any]
PAGE = "/fleet/import/"


def upload(*lines: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("fleet.csv", "\n".join([HEADER, *lines]).encode(), content_type="text/csv")


def token_in(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("who", ["owner", "operator"])
def test_try_out_then_confirm(cast: Cast, client_for: ClientFor, who: str) -> None:
    client = client_for(getattr(cast, who))
    tried = client.post(PAGE, {"site": cast.site.public_id, "file": upload(line(1), line(2))})
    assert tried.status_code == 200
    assert not Miner.objects.exists()
    data = {"site": cast.site.public_id, "token": token_in(tried.content.decode())}
    done = client.post(PAGE, data)
    assert done.status_code == 302
    assert Miner.objects.filter(site=cast.site).count() == 2
    assert "2 miners created" in client.get(done["Location"]).content.decode()
    again = client.post(PAGE, data)
    assert again.status_code == 422
    assert "no longer kept" in again.content.decode()


def test_a_bad_file_answers_422_with_every_problem_escaped(cast: Cast, client_for: ClientFor) -> None:
    bad = upload(line(1, model="<script>alert(1)</script>"), line(2, port="99999"))
    page = client_for(cast.owner).post(PAGE, {"site": cast.site.public_id, "file": bad})
    text = page.content.decode()
    assert page.status_code == 422
    assert "2 problems: nothing was imported" in text
    assert "It must be from 1 to 65535." in text
    assert "<script>alert" not in text
    assert 'name="token"' not in text
    assert not Miner.objects.exists()


def test_nobody_uses_the_file_of_another(cast: Cast, client_for: ClientFor) -> None:
    tried = client_for(cast.owner).post(PAGE, {"site": cast.site.public_id, "file": upload(line(1))})
    token = token_in(tried.content.decode())
    other = client_for(cast.admin).post(PAGE, {"site": cast.site.public_id, "token": token})
    assert other.status_code == 422
    moved = client_for(cast.owner).post(PAGE, {"site": cast.other_site.public_id, "token": token})
    assert moved.status_code == 422
    assert not Miner.objects.exists()


def test_no_file_no_site_and_a_strangers_site_are_refused(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.owner)
    assert "Choose a CSV file." in client.post(PAGE, {"site": cast.site.public_id}).content.decode()
    for site in ("", cast.stranger_site.public_id):
        assert client.post(PAGE, {"site": site, "file": upload(line(1))}).status_code == 422
    assert (
        client_for(cast.operator)
        .post(PAGE, {"site": cast.other_site.public_id, "file": upload(line(1))})
        .status_code
        == 422
    )
    assert not Miner.objects.exists()


@pytest.mark.parametrize("who", ["client_a", "partner", "guest"])
def test_others_than_staff_get_403(cast: Cast, client_for: ClientFor, who: str) -> None:
    client = client_for(getattr(cast, who))
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"site": cast.site.public_id, "file": upload(line(1))}).status_code == 403
    assert client.get(reverse("fleet:export", args=[cast.site.public_id])).status_code == 403
    assert not Miner.objects.exists()


def test_the_export_downloads_the_site_and_hides_strangers(cast: Cast, client_for: ClientFor) -> None:
    miner = make_miner(cast.site, cast.customer_a)
    make_miner(cast.other_site)
    client = client_for(cast.operator)
    answer = client.get(reverse("fleet:export", args=[cast.site.public_id]))
    assert answer["Content-Disposition"] == 'attachment; filename="north.csv"'
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert miner.mac in lines[1]
    for hidden in (cast.other_site, cast.stranger_site):
        assert client.get(reverse("fleet:export", args=[hidden.public_id])).status_code == 404


def test_the_form_page_shows_only_the_sites_in_view(cast: Cast, client_for: ClientFor) -> None:
    text = client_for(cast.operator).get(PAGE).content.decode()
    assert cast.site.public_id in text
    assert cast.other_site.public_id not in text
