"""Who runs the embedded servers, and where their programs and data can lie.

A plain user runs everything as himself, under the root folder he gave. PostgreSQL refuses to run as root,
so root runs the servers as ``nobody``. That user must reach programs and data: when a folder above them is
closed to him (a home folder, say), programs are copied to ``/var/cache/hashinsight`` and data lie in
``/var/lib/hashinsight/<digest of the root folder>``. No user is added and no folder's mode is changed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from hashinsight.core.supervisor import RunAs

PROGRAM_CACHE = Path("/var/cache/hashinsight")
DATA_FALLBACK = Path("/var/lib/hashinsight")


class PlaceError(Exception):
    """A folder cannot be used; the text names folder and remedy."""


def server_account() -> RunAs | None:
    """The account the servers run under when we are root; None: our own."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return RunAs(65534, 65534)
    return RunAs(entry.pw_uid, entry.pw_gid)


def can_run(program: Path, account: RunAs | None) -> bool:
    """Whether the account can reach and run a program (asked by running it)."""
    if account is None:
        return os.access(program, os.X_OK)
    try:
        answer = subprocess.run(
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.returncode == 0


def can_reach(folder: Path, account: RunAs | None) -> bool:
    """Whether the account can enter every folder above ``folder`` (and the folder itself, if it exists)."""
    if account is None:
        return True
    for place in [folder, *folder.parents]:
        if place.exists() and not _enterable(place.stat(), account):
            return False
    return True


def _enterable(info: os.stat_result, account: RunAs) -> bool:
    if info.st_uid == account.uid:
        return bool(info.st_mode & stat.S_IXUSR)
    if info.st_gid == account.gid:
        return bool(info.st_mode & stat.S_IXGRP)
    return bool(info.st_mode & stat.S_IXOTH)


def reachable_program(program: Path, account: RunAs | None, *, tree: Path | None = None) -> Path:
    """The program, or its copy where the account can run it. ``tree``: the folder that must go with it.

    The copy is made beside its final name and moved there in one step, so that several launchers at once
    cannot see a half copy. Raises PlaceError.
    """
    if can_run(program, account):
        return program
    if account is None:
        raise PlaceError(f"{program} cannot be run by this user")
    source = tree or program.parent
    target = PROGRAM_CACHE / f"{program.name}-{_digest(program)}"
    copy = target / program.relative_to(source)
    if not copy.exists():
        _copy_tree(source, target)
    if not can_run(copy, account):
        raise PlaceError(f"{copy} cannot be run as uid {account.uid}: is {PROGRAM_CACHE} mounted noexec?")
    return copy


def _copy_tree(source: Path, target: Path) -> None:
    PROGRAM_CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".copy-", dir=PROGRAM_CACHE))
    try:
        shutil.copytree(source, draft / "tree", symlinks=True)
        (draft / "tree").chmod(0o755)
        try:
            (draft / "tree").rename(target)
        except OSError:
            if not target.exists():  # else somebody else was faster
                raise
    except OSError as error:
        raise PlaceError(f"cannot copy {source} to {target}: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _digest(program: Path) -> str:
    with program.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def data_home(root: Path, account: RunAs | None) -> Path:
    """The folder under which the servers' data folders lie for this root (see the module's text)."""
    if account is None or can_reach(root, account):
        return root
    return DATA_FALLBACK / hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]


def private_folder(folder: Path, account: RunAs | None) -> None:
    """Make ``folder`` (0700) for the account. Raises PlaceError when it belongs to another user."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        info = folder.stat()
        owner = account.uid if account is not None else os.geteuid()
        if info.st_uid != owner and account is not None and not any(folder.iterdir()):
            os.chown(folder, account.uid, account.gid)
        elif info.st_uid != owner:
            raise PlaceError(
                f"{folder} belongs to uid {info.st_uid}, but its server runs as uid {owner} here. "
                "Start as the user who started it first, or remove the folder to begin anew."
            )
        folder.chmod(0o700)
    except OSError as error:
        raise PlaceError(f"cannot use {folder}: {error}") from error


def write_private(path: Path, text: str, account: RunAs | None = None) -> None:
    """Write a file that only its owner can read (0600), in one step."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if account is not None:
            os.chown(draft, account.uid, account.gid)
        os.replace(draft, path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
