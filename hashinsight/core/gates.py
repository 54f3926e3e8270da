"""All gates of the project, as one run: `./hi test`. Plain Python; needs no configured database.

The cheap gates run two at a time beside the start of throw-away services; then the tests. The last line of
the output counts the tests, so that a reader of the end of a log sees it.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from hashinsight.core.embedded import Services
from hashinsight.core.supervisor.launch import spawn

ROOT = Path(__file__).resolve().parents[2]
SERIAL_MARKS = "slow or fault or browser"
AUDIT_SECONDS = 20
MAX_LINES = 120
PYTEST_NO_TESTS = 5

# Places of a developer's machine and addresses of package registries: a lock or a page that names one works
# for its author only. Written so that this file does not name them either.
_FOREIGN = re.compile(
    r"(?<![\w./-])/(?:work|root)/[\w.]|(?:py(?:pi|thonhosted)|npm(?:js))\.(?:org|com)/|https?://\S*artifactory"
)
_TEXT_SUFFIXES = frozenset(
    {".py", ".txt", ".in", ".toml", ".md", ".json", ".html", ".css", ".js", ".sh", ".yml", ".yaml"}
    | {".cfg", ".ini", ".csv", ".svg", ".service", ".conf", ".npmrc"}
)
_EXACT_MODULES = ("hashinsight/core/money.py",)

_PRODUCTION_DUMMY = {
    "HI_ENV": "production",
    "DJANGO_SETTINGS_MODULE": "hashinsight.settings.production",
    "HI_SECRET_KEY": "only-to-check-the-settings-0123456789-abcdefghijklmnopqrstuvwxyz",
    "HI_ALLOWED_HOSTS": "hashinsight.example",
    "HI_DB_ROLE": "web",
}


class Result(StrEnum):
    """How a gate ended. NOT_RUN is never a pass: it is printed with its reason."""

    OK = "ok"
    FAILED = "FAILED"
    NOT_RUN = "NOT RUN"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A gate's result, what to print about it, and its time."""

    name: str
    result: Result
    text: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Counts:
    """Tests by outcome, added up over several runs of pytest."""

    numbers: dict[str, int] = field(default_factory=dict)

    def add(self, output: str) -> None:
        """Read pytest's closing line."""
        for line in reversed(output.splitlines()):
            if re.search(r"\bin \d+(?:\.\d+)?s\b", line):
                for number, word in re.findall(r"(\d+) (passed|failed|skipped|error|xfailed|xpassed)", line):
                    self.numbers[word] = self.numbers.get(word, 0) + int(number)
                return

    @property
    def executed(self) -> int:
        """Tests that ran."""
        return sum(number for word, number in self.numbers.items() if word != "skipped")

    def line(self) -> str:
        """``N passed, N failed, N skipped``; errors count as failures."""
        passed, skipped = self.numbers.get("passed", 0), self.numbers.get("skipped", 0)
        failed = self.numbers.get("failed", 0) + self.numbers.get("error", 0)
        return f"{passed} passed, {failed} failed, {skipped} skipped"


Gate = Callable[[], Outcome]


# -- running things ------------------------------------------------------------------------------------


def run(argv: Sequence[str], env: Mapping[str, str], timeout_s: float = 900.0) -> tuple[int, str]:
    """Run a program in the checkout; its exit code (124 on time-out) and all its output."""
    with tempfile.TemporaryFile() as file:
        process = spawn(
            argv, env=env, cwd=ROOT, output=file.fileno(), death_signal=signal.SIGKILL, new_session=False
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = 124
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        file.seek(0)
        return code, file.read().decode("utf-8", "replace")


def run_and_show(argv: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Run a program, print its output as it comes, and keep the end of it."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    process = spawn(argv, env=env, cwd=ROOT, output=writer, death_signal=signal.SIGINT, new_session=False)
    os.close(writer)
    kept = bytearray()
    try:
        while chunk := os.read(reader, 65536):
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            kept = (kept + chunk)[-65536:]
        return process.wait(), kept.decode("utf-8", "replace")
    finally:
        os.close(reader)
        _end(process)


def _shortened(output: str) -> str:
    lines = output.strip().splitlines()
    if len(lines) > MAX_LINES:
        lines = [
            *lines[: MAX_LINES // 2],
            f"... {len(lines) - MAX_LINES} lines ...",
            *lines[-MAX_LINES // 2 :],
        ]
    return "\n".join(lines)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let pytest tear its fixtures down; it is killed when that takes too long."""
    for signum, seconds in ((signal.SIGINT, 8.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, None)):
        if process.poll() is not None:
            return
        process.send_signal(signum)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _command(
    name: str, argv: Sequence[str], env: Mapping[str, str], verdict: Callable[[str], bool] | None = None
) -> Gate:
    def gate() -> Outcome:
        begun = time.monotonic()
        code, output = run(argv, env)
        good = code == 0 and (verdict is None or verdict(output))
        result = Result.OK if good else Result.FAILED
        return Outcome(name, result, "" if good else _shortened(output), time.monotonic() - begun)

    return gate


# -- gates of our own ------------------------------------------------------------------------------------


def project_files(root: Path = ROOT) -> list[Path]:
    """The text files of the project: those git knows or would add; without git, all but generated folders."""
    with tempfile.TemporaryFile() as errors:
        answer = subprocess.run(
            ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            stdout=subprocess.PIPE,
            stderr=errors,
            check=False,
        )
    if answer.returncode == 0:
        names = [root / name for name in answer.stdout.decode().split("\0") if name]
    else:
        skipped = {".git", ".venv", "node_modules", "var", "__pycache__"}
        names = [path for path in root.rglob("*") if not skipped & set(path.relative_to(root).parts)]
    return sorted(path for path in names if path.is_file() and _is_text(path))


def _is_text(path: Path) -> bool:
    return path.suffix in _TEXT_SUFFIXES or path.name in {"hi", "run", ".npmrc", "LICENSE", "Caddyfile"}


def foreign_places(paths: Sequence[Path], root: Path = ROOT) -> list[str]:
    """``file:line: text`` for each line that names a machine's folder or a package registry."""
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if match := _FOREIGN.search(line):
                found.append(f"{path.relative_to(root)}:{number}: names {match.group()!r}")
    return found


def floats_in(source: str, name: str) -> list[str]:
    """``file:line: what`` for each float in a module that must be exact; ``isinstance(x, float)`` is fine."""
    tree = ast.parse(source)
    tests = {
        id(inner)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "isinstance"
        for inner in ast.walk(call)
    }
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append((node.lineno, f"the float {node.value!r}"))
        elif isinstance(node, ast.Name) and node.id == "float" and id(node) not in tests:
            found.append((node.lineno, "the type float"))
    return [f"{name}:{line}: {what}" for line, what in sorted(found)]


def scan_gate() -> Outcome:
    """No machine paths, no registry hosts, no float in money."""
    begun = time.monotonic()
    problems = foreign_places(project_files())
    for name in _EXACT_MODULES:
        path = ROOT / name
        if path.exists():
            problems += floats_in(path.read_text(encoding="utf-8"), name)
    result = Result.FAILED if problems else Result.OK
    return Outcome("scan", result, "\n".join(problems), time.monotonic() - begun)


def audit_gate(env: Mapping[str, str]) -> Outcome:
    """Known vulnerabilities in the locked packages; says so when the service cannot be asked."""
    begun = time.monotonic()
    argv = _python("-m", "pip_audit", "-r", "requirements.txt", "--disable-pip", "--require-hashes")
    argv += ["--timeout", "5", "--progress-spinner", "off", "-f", "json"]
    _code, output = run(argv, env, AUDIT_SECONDS)
    result, text = read_audit(output)
    return Outcome("pip-audit", result, text, time.monotonic() - begun)


def read_audit(output: str) -> tuple[Result, str]:
    """Judge pip-audit's JSON: packages it could not look up do not count as checked."""
    start = output.find('{"dependencies"')
    try:
        packages = json.loads(output[start:].splitlines()[0])["dependencies"] if start >= 0 else []
    except ValueError:
        packages = []
    checked = [package for package in packages if "skip_reason" not in package]
    if not checked:
        return Result.NOT_RUN, "the vulnerability service is not reachable: NOTHING was audited"
    found = [
        f"{package['name']} {package['version']}: {', '.join(item['id'] for item in package['vulns'])}"
        for package in checked
        if package["vulns"]
    ]
    if found:
        return Result.FAILED, "\n".join(found)
    return Result.OK, "" if len(checked) == len(
        packages
    ) else f"{len(checked)} of {len(packages)} known to it"


def find_chromium(environ: Mapping[str, str] = os.environ) -> str | None:
    """The browser for page tests: $HI_CHROMIUM or one on PATH."""
    for name in (environ.get("HI_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    return None


def browser_gate(environ: Mapping[str, str] = os.environ) -> Outcome:
    """Page tests skip without Chromium: fine for a newcomer, not in CI."""
    if path := find_chromium(environ):
        return Outcome("Chromium", Result.OK, path)
    text = "no Chromium: ALL BROWSER TESTS ARE SKIPPED (Debian: apt-get install chromium libatomic1)"
    return Outcome("Chromium", Result.FAILED if environ.get("CI") == "true" else Result.NOT_RUN, text)


# -- the run ------------------------------------------------------------------------------------------


def tool_env(var: Path) -> dict[str, str]:
    """Environment for tools that need settings but no services."""
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("HI_DB", "DATABASE_", "REDIS_"))
    }
    env |= {"HI_ENV": "test", "DJANGO_SETTINGS_MODULE": "hashinsight.settings.test", "HI_VAR_DIR": str(var)}
    return env


def static_gates(env: Mapping[str, str], *, fast: bool) -> list[Gate]:
    """The gates that need no services, slowest first."""
    typed = ["hashinsight", "hosting", "tests", "manage.py", "celery_app.py"]
    importer = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    production = dict(env) | _dummy_addresses() | _PRODUCTION_DUMMY
    gates = [
        _command("mypy", _python("-m", "mypy", *(name for name in typed if (ROOT / name).exists())), env),
        _command("ruff check", _python("-m", "ruff", "check", "."), env),
        _command("ruff format", _python("-m", "ruff", "format", "--check", "."), env),
        _command("import-linter", _python("-c", importer, "--no-cache"), env),
        _command(
            "check --deploy",
            _python("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
            production,
        ),
        scan_gate,
        browser_gate,
    ]
    if not fast:
        gates.insert(1, lambda: audit_gate(env))
    return gates


def _dummy_addresses() -> dict[str, str]:
    names = ("DATABASE_URL", "DATABASE_WEB_URL", "DATABASE_WORKER_URL", "DATABASE_TELEMETRY_URL")
    addresses = dict.fromkeys(names, "postgresql://nobody@127.0.0.1:1/none")
    return addresses | dict.fromkeys(("REDIS_QUEUE_URL", "REDIS_CACHE_URL"), "redis://127.0.0.1:1/0")


def pytest_runs(arguments: Sequence[str], *, fast: bool) -> list[list[str]]:
    """Argument lists for pytest: quick tests on two processes, then those that time or kill things, alone.

    Own arguments make it one plain run.
    """
    if arguments:
        return [list(arguments)]
    parallel = ["-n", "2", "--dist", "loadfile", "-m", f"not ({SERIAL_MARKS})"]
    if fast:
        return [parallel]
    return [parallel, ["-m", SERIAL_MARKS]]


def run_tests(runs: Sequence[Sequence[str]], env: Mapping[str, str]) -> tuple[Outcome, Counts]:
    """Run pytest for each argument list; a run that selects nothing is fine, all of them together are not."""
    begun = time.monotonic()
    counts = Counts()
    failed = False
    for arguments in runs:
        code, output = run_and_show(_python("-m", "pytest", *arguments), env)
        counts.add(output)
        failed = failed or code not in {0, PYTEST_NO_TESTS}
    text = "" if counts.executed else "no test ran"
    result = Result.FAILED if failed or not counts.executed else Result.OK
    return Outcome("pytest", result, text, time.monotonic() - begun), counts


def table(outcomes: Sequence[Outcome]) -> str:
    """Gate, result and seconds, one per line; one-line remarks behind."""
    lines = []
    for outcome in outcomes:
        remark = outcome.text if "\n" not in outcome.text and len(outcome.text) < 120 else ""
        lines.append(f"{outcome.name:<16}{outcome.result:<9}{outcome.seconds:7.1f} s  {remark}".rstrip())
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _report(outcome: Outcome) -> Outcome:
    if outcome.result is Result.FAILED and outcome.text:
        _say(f"--- {outcome.name} {outcome.result}\n{outcome.text}\n---")
    else:
        _say(table([outcome]))
    return outcome


def main(arguments: Sequence[str], *, fast: bool = False, gates: bool = True, tests: bool = True) -> int:
    """Run everything asked for; 0 only if every gate that ran passed and at least one test did."""
    # As Ctrl-C does: unwind, so that services and temporary files go.
    for number in (signal.SIGINT, signal.SIGTERM):  # INT is ignored in a background job of a script
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="hi-test-"))
    # Root's servers run as nobody, who must be able to enter; what is secret inside has modes of its own.
    folder.chmod(0o711)
    counts: Counts | None = None
    try:
        env = tool_env(folder / "var")
        outcomes: list[Outcome] = []
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(gate) for gate in static_gates(env, fast=fast)] if gates else []
            with Services(folder / "services", durable=False) as services:
                env |= services.env() | {"HI_DB_ROLE": "migrate"}
                outcomes += [_report(future.result()) for future in futures]
                if gates:
                    argv = _python("manage.py", "makemigrations", "--check", "--dry-run")
                    outcomes.append(_report(_command("migrations", argv, env)()))
                if tests:
                    outcome, counts = run_tests(pytest_runs(arguments, fast=fast), env)
                    outcomes.append(outcome)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say("\n" + table(outcomes))
    failed = [outcome.name for outcome in outcomes if outcome.result is Result.FAILED]
    _say(f"FAILED: {', '.join(failed)}" if failed else "all gates that ran passed")
    if counts is not None:
        _say(counts.line())
    return 1 if failed else 0
