"""Folders that every user can reach; pytest's own are closed to all but the one who runs the tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reachable_by_all() -> Iterator[Path]:
    """A new folder under the system's temporary one, open to read for everybody; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hi-open-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
