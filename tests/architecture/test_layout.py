"""The house rules that a machine can check: floors, rooms, sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command

ROOT = Path(__file__).parents[2]
OURS = ("hashinsight", "hosting", "tests")
LONGEST_FILE, LONGEST_FUNCTION = 500, 65
# What an app may hold on its top floor (design: "Inside an app").
ROOMS = {
    "__init__", "admin", "adapter", "adminlog", "api", "apps", "choices", "domain", "events", "forms",
    "groups", "management", "managers", "migrations", "models", "permissions", "selectors", "services",
    "tasks", "urls", "views",
}  # fmt: skip
REPEATING_APPS = ("hashinsight.accounts", "hashinsight.audit", "hosting.fleet", "hosting.telemetry")


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.slow
def test_imports_point_down() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_files_are_short() -> None:
    long = {shown(path): n for path in sources(*OURS) if (n := path.read_text().count("\n")) > LONGEST_FILE}
    assert long == {}


def test_functions_are_short() -> None:
    long = {}
    for path in sources("hashinsight", "hosting"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long[f"{shown(path)}:{node.name}"] = lines
    assert long == {}


@pytest.mark.parametrize("app", REPEATING_APPS)
def test_apps_repeat_the_same_rooms(app: str) -> None:
    folder = ROOT / app.replace(".", "/")
    rooms = {
        path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - ROOMS == set()
    assert {"__init__", "apps", "migrations", "models", "selectors", "services"} <= rooms


def test_every_module_says_what_it_is_for() -> None:
    silent = []
    for path in sources("hashinsight", "hosting"):
        text = path.read_text()
        if (
            text.strip()
            and path.name not in {"apps.py", "wsgi.py", "asgi.py"}
            and not ast.get_docstring(ast.parse(text))
        ):
            silent.append(shown(path))
    assert silent == []


def test_nothing_is_left_undone_or_swallowed() -> None:
    bad = re.compile(r"\b(TODO|FIXME|XXX)\b|except Exception:\s*\n\s*pass|except:\s")
    found = [shown(path) for path in sources("hashinsight", "hosting") if bad.search(path.read_text())]
    assert found == []


def test_money_and_mining_know_no_floats() -> None:
    tree = ast.parse((ROOT / "hashinsight/core/money.py").read_text())
    floats = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    names = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "float"]
    assert floats + names == []


def test_templates_hold_no_inline_script_or_style() -> None:
    bad = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|\son\w+=\"|javascript:|\sstyle=\"|<style", re.IGNORECASE)
    found = [
        shown(path)
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if "admin" not in path.parts and bad.search(path.read_text())
    ]
    assert found == []


@pytest.mark.django_db
def test_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_app_of_ours_has_a_label_and_a_name_in_words() -> None:
    ours = [
        config for config in apps.get_app_configs() if config.name.startswith(("hashinsight.", "hosting."))
    ]
    assert len(ours) >= 7
    for config in ours:
        assert config.label == config.name.rsplit(".", 1)[1]
        assert str(config.verbose_name)
