"""The documents say what is there: links resolve, every variable, command and benchmark is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hashinsight.overview.management.commands.bench import PROFILES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
OPERATIONS = ROOT / "docs" / "operations.md"
_VARIABLE = re.compile(r"\"((?:HI|DATABASE|REDIS)_[A-Z_]*[A-Z])\"")
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchor(heading: str) -> str:
    """The anchor that a heading gets: lower case, hyphens for spaces, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {anchor(line) for line in re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)}


def links(path: Path) -> list[str]:
    """Relative targets of a page's links and images."""
    found = [one or other for one, other in _LINK.findall(prose(path))]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def problem(page: Path, link: str) -> str | None:
    name, _, part = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return f"{shown(page)}: {link} leads nowhere"
    if part and part not in anchors(target):
        return f"{shown(page)}: {link} has no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_and_images_resolve(page: Path) -> None:
    assert [text for link in links(page) if (text := problem(page, link))] == []


def test_the_expected_pages_are_there() -> None:
    names = {shown(page) for page in PAGES}
    assert {
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/architecture.md",
        "docs/operations.md",
        "docs/miners.md",
        "docs/adr/README.md",
        "deploy/README.md",
    } <= names
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_every_decision_is_listed() -> None:
    listed = set(links(ROOT / "docs" / "adr" / "README.md"))
    assert {page.name for page in (ROOT / "docs" / "adr").glob("0*.md")} == listed


def variables(folder: Path) -> set[str]:
    return {
        name for path in folder.rglob("*.py") for name in _VARIABLE.findall(path.read_text(encoding="utf-8"))
    }


def test_every_variable_of_the_settings_is_explained() -> None:
    read = variables(ROOT / "hashinsight" / "settings")
    assert {"HI_SECRET_KEY", "HI_DB_ROLE", "DATABASE_WEB_URL", "REDIS_QUEUE_URL"} <= read
    explained = set(re.findall(r"`([A-Z_]+)`", OPERATIONS.read_text(encoding="utf-8")))
    assert read - explained == set()


def test_every_variable_of_the_settings_is_in_the_examples() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "deploy" / "env").glob("*.example"))
    given = set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE))
    # HI_ENV chooses the settings, so it is read outside of them.
    assert given == variables(ROOT / "hashinsight" / "settings") | {"HI_ENV"}


@pytest.mark.parametrize("name", ["HI_SECRET_KEY", "DATABASE_URL", "HI_MINER_HTTP_PASSWORD"])
def test_the_examples_hold_no_secret(name: str) -> None:
    for path in (ROOT / "deploy" / "env").glob("*.example"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not line.startswith(f"{name}=") or line == f"{name}=", f"{shown(path)}: {line}"


def commands() -> set[str]:
    return {
        path.stem
        for base in ("hashinsight", "hosting")
        for path in (ROOT / base).rglob("management/commands/*.py")
        if path.stem != "__init__"
    }


def test_every_command_and_benchmark_is_mentioned() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {"db_roles", "import_miners", "demo"} <= commands()
    assert {name for name in commands() if not re.search(rf"\b{name}\b", text)} == set()
    assert {name for name in PROFILES if f"bench {name}" not in text} == set()


def test_units_take_the_environment_of_their_role() -> None:
    role_of = {"web": "web", "events": "web", "collector": "worker", "worker": "worker", "beat": "worker"}
    for name, role in role_of.items():
        unit = (ROOT / "deploy" / "systemd" / f"hashinsight-{name}.service").read_text(encoding="utf-8")
        files = re.findall(r"^EnvironmentFile=/etc/hashinsight/(\w+)\.env$", unit, re.MULTILINE)
        assert files == ["common", role], name
