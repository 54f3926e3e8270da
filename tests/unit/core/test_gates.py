"""The gates' own judgements: what they flag, what they count, what they refuse to call a pass."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from hashinsight.core import gates
from hashinsight.core.gates import Counts, Outcome, Result


def test_counts_are_added_over_runs() -> None:
    counts = Counts()
    counts.add("....\n12 passed, 1 skipped in 3.10s\n")
    counts.add("=== 1 failed, 4 passed, 2 errors in 61.20s (0:01:01) ===\nsome later line\n")
    assert counts.line() == "16 passed, 3 failed, 1 skipped"
    assert counts.executed == 19


def test_only_skipped_tests_are_no_tests() -> None:
    counts = Counts()
    counts.add("3 skipped in 0.10s")
    assert counts.executed == 0


def test_floats_in_exact_modules_are_found() -> None:
    source = (
        "def f(x: float):\n    y = 0.5\n    if isinstance(x, float): raise TypeError\n    return float(x)\n"
    )
    assert gates.floats_in(source, "m.py") == [
        "m.py:1: the type float",
        "m.py:2: the float 0.5",
        "m.py:4: the type float",
    ]


@pytest.mark.parametrize(
    ("line", "flagged"),
    [
        ("path = '/wo" + "rk/main'", True),
        ("see /ro" + "ot/.cache", True),
        ("resolved: https://registry.npm" + "js.org/x", True),
        ("index = https://py" + "pi.org/simple", True),
        ("class: card/" + "work/done", False),
        ("/network/main", False),
        ("pip installs from the package index", False),
    ],
)
def test_places_of_one_machine_are_found(tmp_path: Path, line: str, flagged: bool) -> None:
    (tmp_path / "a.txt").write_text(f"first\n{line}\n")
    found = gates.foreign_places([tmp_path / "a.txt"], tmp_path)
    assert [item.startswith("a.txt:2: names") for item in found] == ([True] if flagged else [])


def test_project_files_are_found_without_git(tmp_path: Path) -> None:
    for name in ("a.py", "hi", "picture.png", ".venv/b.py", "node_modules/c.js", "sub/d.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [str(path.relative_to(tmp_path)) for path in gates.project_files(tmp_path)] == [
        "a.py",
        "hi",
        "sub/d.md",
    ]


def audit(*packages: Mapping[str, object]) -> str:
    return (
        "No known vulnerabilities found\n" + json.dumps({"dependencies": list(packages), "fixes": []}) + "\n"
    )


def test_an_audit_that_could_ask_nobody_is_not_a_pass() -> None:
    skipped = {"name": "a", "skip_reason": "not found"}
    for output in ("", "Traceback ...\nConnectionError", audit(skipped), audit(), '{"dependencies": [cut'):
        result, text = gates.read_audit(output)
        assert result is Result.NOT_RUN
        assert "NOTHING was audited" in text


def test_an_audit_that_finds_something_fails() -> None:
    clean: Mapping[str, object] = {"name": "a", "version": "1", "vulns": []}
    bad = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}
    assert gates.read_audit(audit(clean)) == (Result.OK, "")
    assert gates.read_audit(audit(clean, bad)) == (Result.FAILED, "b 2: PYSEC-1, PYSEC-2")
    assert gates.read_audit(audit(clean, {"name": "c", "skip_reason": "x"})) == (
        Result.OK,
        "1 of 2 known to it",
    )


def test_a_missing_browser_fails_only_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert gates.browser_gate({"CI": "true"}).result is Result.FAILED
    outcome = gates.browser_gate({})
    assert outcome.result is Result.NOT_RUN
    assert "ALL BROWSER TESTS ARE SKIPPED" in outcome.text


def test_own_arguments_make_it_one_plain_run() -> None:
    assert gates.pytest_runs(["-k", "x"], fast=True) == [["-k", "x"]]
    assert len(gates.pytest_runs([], fast=False)) == 2
    assert len(gates.pytest_runs([], fast=True)) == 1


def test_the_table_keeps_long_texts_out() -> None:
    text = gates.table(
        [
            Outcome("mypy", Result.FAILED, "a\nb", 1.25),
            Outcome("pip-audit", Result.NOT_RUN, "not reachable", 0.1),
        ]
    )
    assert text.splitlines() == [
        "mypy            FAILED       1.2 s",
        "pip-audit       NOT RUN      0.1 s  not reachable",
    ]


def test_tools_see_no_database_of_the_caller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://real")
    monkeypatch.setenv("REDIS_QUEUE_URL", "redis://real")
    env = gates.tool_env(tmp_path)
    assert "DATABASE_URL" not in env
    assert "REDIS_QUEUE_URL" not in env
    assert (env["HI_ENV"], env["HI_VAR_DIR"]) == ("test", str(tmp_path))
