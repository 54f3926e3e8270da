"""Keeping an uploaded file between its dry run and its import, so that nobody has to upload it twice.

It lies compressed in the cache for a quarter of an hour, under a random token together with host, person
and site: who has another account or changes the site cannot fetch it. What is imported is checked again
from the start; a lost file only has to be uploaded once more.
"""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass
from typing import Final

from django.core.cache import cache

from hashinsight.core.scope import Scope
from hosting.fleet.domain.csv_rows import MAX_BYTES
from hosting.fleet.models import Site

KEEP_S: Final = 900


@dataclass(frozen=True, slots=True)
class Stashed:
    """An uploaded file: its name and bytes."""

    name: str
    content: bytes


def put(scope: Scope, site: Site, file: Stashed) -> str:
    """Keep ``file`` (at most MAX_BYTES, else ValueError) and return its token."""
    if len(file.content) > MAX_BYTES:
        raise ValueError("the file is too large to be kept")
    token = secrets.token_urlsafe(24)
    cache.set(_key(scope, site, token), (file.name, zlib.compress(file.content, 1)), KEEP_S)
    return token


def get(scope: Scope, site: Site, token: str) -> Stashed | None:
    """The file of ``token``, or None when it is not there (any more)."""
    found = cache.get(_key(scope, site, token))
    return None if found is None else Stashed(found[0], zlib.decompress(found[1]))


def drop(scope: Scope, site: Site, token: str) -> None:
    """Forget the file."""
    cache.delete(_key(scope, site, token))


def _key(scope: Scope, site: Site, token: str) -> str:
    return f"fleet-import:{scope.host_id}:{scope.actor_id}:{site.pk}:{token}"
