"""The launcher script: what it passes on, when it sets up, and what it says when it cannot.

No network: a stand-in for Python and npm writes down what it was asked to install. The real set-up is what
runs these tests.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-tools.txt", "requirements-node.txt")
MANAGE = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "HI_ENV": os.environ.get("HI_ENV")}))
"""
STAND_IN = """#!/bin/sh
case "$*" in
    *sys.executable*) echo "$0" ;;
    "-m venv "*)
        if [ -n "${NO_ENSUREPIP:-}" ]; then exit 1; fi
        for folder in "$@"; do :; done
        echo "venv ${folder##*/}" >>"$JOURNAL"
        mkdir -p "$folder/bin" && ln -s "$STAND_IN" "$folder/bin/python"
        ;;
    *"pip --version"*) [ -z "${NO_ENSUREPIP:-}" ] ;;
    "-m pip "*)
        for lock in "$@"; do :; done
        echo "pip ${lock##*/}" >>"$JOURNAL"
        [ -z "${NO_NETWORK:-}" ]
        ;;
    "-c import django"*) ;;
    *) exec REAL_PYTHON "$@" ;;
esac
"""
NPM = """#!/bin/sh
if [ "$1" = ci ]; then
    for last in "$@"; do :; done
    echo "npm $last" >>"$JOURNAL"
    mkdir -p node_modules/htmx.org
fi
"""


class Checkout:
    """A copy of the launcher with small locks, and the stand-ins it will meet."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        self.tools = folder / "tools"
        self.journal = folder / "journal"
        self.root.mkdir()
        self.tools.mkdir()
        shutil.copy(REPOSITORY / "hi", self.root / "hi")
        for name in (*FILES, "package.json", "package-lock.json"):
            (self.root / name).write_text(f"lock {name}\n")
        (self.root / "manage.py").write_text(MANAGE)
        self._program("python3.11", STAND_IN.replace("REAL_PYTHON", sys.executable))
        self._program("npm", NPM)

    def _program(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def run(
        self, *arguments: str, cwd: Path | None = None, command: list[str] | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Call ``./hi`` and wait for it."""
        return subprocess.run(
            [*(command or [str(self.root / "hi")]), *arguments],
            cwd=cwd,
            env=self.env(**env),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def env(self, **more: str) -> dict[str, str]:
        """The environment of a call."""
        return {
            "PATH": f"{self.tools}:/usr/bin:/bin",
            "HOME": str(self.root.parent),
            "JOURNAL": str(self.journal),
            "STAND_IN": str(self.tools / "python3.11"),
        } | more

    def installed(self) -> list[str]:
        """What was installed since the last call of this."""
        if not self.journal.exists():
            return []
        lines = self.journal.read_text().splitlines()
        self.journal.unlink()
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """A checkout that was set up for use, not for tests."""
    assert checkout.run("demo").returncode == 0
    checkout.installed()
    return checkout


def test_the_first_start_installs_locks_and_front_end_then_hands_over(checkout: Checkout) -> None:
    answer = checkout.run("demo", "--miners", "60")
    assert json.loads(answer.stdout)["arguments"] == ["demo", "--miners", "60"]
    assert checkout.installed() == [
        "venv tools",
        "pip requirements-tools.txt",
        "venv .venv",
        "pip requirements.txt",
        "npm --omit=dev",
    ]
    for step in (
        "[1/4] Installer",
        "[2/4] Python packages",
        "[3/4] Front-end packages",
        "[4/4] Check",
        "Set up in",
    ):
        assert step in answer.stderr


def test_the_second_start_installs_and_says_nothing(ready: Checkout, tmp_path: Path) -> None:
    answer = ready.run("manage", "import", "a b.csv", "--x=1", cwd=tmp_path)
    assert json.loads(answer.stdout) == {
        "arguments": ["import", "a b.csv", "--x=1"],
        "folder": str(tmp_path),
        "HI_ENV": None,
    }
    assert answer.stderr == ""
    assert ready.installed() == []


def test_tests_need_their_own_packages_once_and_the_demo_keeps_them(ready: Checkout) -> None:
    answer = ready.run("test", "-k", "money or not slow")
    said = json.loads(answer.stdout)
    assert (said["arguments"], said["HI_ENV"]) == (["gates", "-k", "money or not slow"], "test")
    assert ready.installed()[-2:] == ["pip requirements-dev.txt", "npm --include=dev"]
    ready.run("demo")
    ready.run("test")
    assert ready.installed() == []


def test_a_changed_lock_is_installed_again(ready: Checkout) -> None:
    (ready.root / "requirements.txt").write_text("another\n")
    assert ready.run("demo").returncode == 0
    assert ready.installed() == ["pip requirements-tools.txt", "pip requirements.txt"]
    (ready.root / "package-lock.json").write_text("another\n")
    answer = ready.run("demo")
    assert "[2/4] Python packages ... already there" in answer.stderr
    assert ready.installed() == ["npm --omit=dev"]


def test_it_can_be_called_through_a_link_and_by_a_shell(ready: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "bin-hi"
    link.symlink_to(ready.root / "hi")
    assert json.loads(ready.run("bench", "sweep", command=[str(link)]).stdout)["arguments"] == [
        "bench",
        "sweep",
    ]
    answer = ready.run("bench", "sweep", command=["sh", "hi"], cwd=ready.root)
    assert json.loads(answer.stdout)["arguments"] == ["bench", "sweep"]


def test_two_at_once_set_up_once(checkout: Checkout) -> None:
    calls = [
        subprocess.Popen(
            [checkout.root / "hi", "demo"], env=checkout.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for call in calls:
        out, _err = call.communicate(timeout=60)
        assert (call.returncode, json.loads(out)["arguments"]) == (0, ["demo"])
    assert checkout.installed().count("pip requirements.txt") == 1


def test_a_failed_set_up_names_the_remedy_and_is_tried_again(checkout: Checkout) -> None:
    answer = checkout.run("demo", NO_NETWORK="1")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "Python packages could not be installed." in answer.stderr
    assert "needs the package registries" in answer.stderr
    checkout.installed()
    assert checkout.run("demo").returncode == 0
    assert "pip requirements.txt" in checkout.installed()


def test_without_python_311_the_remedy_is_named(checkout: Checkout) -> None:
    answer = checkout.run("demo", HI_PYTHON="/bin/true")
    assert answer.returncode == 1
    assert "no Python 3.11 found (asked: /bin/true)" in answer.stderr
    assert "apt-get install python3" in answer.stderr


def test_a_python_that_can_make_no_environment_is_explained(checkout: Checkout) -> None:
    answer = checkout.run("demo", NO_ENSUREPIP="1")
    assert answer.returncode == 1
    assert "neither ensurepip nor pip" in answer.stderr
    assert "python3.11-venv" in answer.stderr


def test_help_and_unknown_commands(checkout: Checkout) -> None:
    assert checkout.run().stdout == checkout.run("help").stdout
    assert "demo [--miners N]" in checkout.run("--help").stdout
    answer = checkout.run("deom")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "there is no command deom" in answer.stderr
    assert checkout.installed() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become a user who may not write")
def test_a_checkout_that_cannot_be_written_is_explained(open_folder: Path) -> None:
    checkout = Checkout(open_folder)
    nobody = pwd.getpwnam("nobody")
    answer = subprocess.run(
        [checkout.root / "hi", "demo"],
        env=checkout.env(),
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "cannot write in" in answer.stderr
    assert "Clone into a folder of your own" in answer.stderr
