"""``import_miners`` on the command line."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hosting.fleet.models import Miner
from tests.integration.fleet.test_imports import HEADER, line
from tests.support.cast import Cast
from tests.support.roles import as_role


def run(path: Path, *args: str) -> str:
    out = StringIO()
    with as_role("hi_worker"):
        call_command("import_miners", "--file", str(path), "--host", "northern-hosting", *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.csv"
    path.write_text("\n".join([HEADER, line(1), line(2)]))
    return path


def test_dry_run_and_run(cast: Cast, file: Path) -> None:
    assert "Would: create 2, change 0" in run(file, "--site", "north", "--dry-run")
    assert not Miner.objects.exists()
    assert "Did: create 2, change 0, leave 0" in run(file, "--site", "north")
    assert Miner.objects.count() == 2


def test_problems_end_with_an_error_that_lists_them_all(cast: Cast, file: Path) -> None:
    file.write_text("\n".join([HEADER, line(1, model="x"), line(2, port="0")]))
    with pytest.raises(CommandError) as caught:
        run(file, "--site", "north")
    text = str(caught.value)
    assert "row 2, model, “x”: This model is not in the catalogue." in text
    assert "row 3, port, “0”: The number is out of range. It must be from 1 to 65535." in text
    assert "Nothing was imported: 2 problem(s)." in text
    assert not Miner.objects.exists()


def test_an_unknown_site_host_or_file_is_said(cast: Cast, file: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no site “far”. Known: north, south."):
        run(file, "--site", "far")
    with pytest.raises(CommandError, match="Known: northern-hosting, stranger-hosting"):
        call_command("import_miners", "--file", str(file), "--site", "north")
    with pytest.raises(CommandError, match="cannot be read"):
        run(tmp_path / "none.csv", "--site", "north")
