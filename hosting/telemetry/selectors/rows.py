"""Rows of hand-written queries as dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import connection

T = TypeVar("T")


def fetch(kind: type[T], query: str, parameters: Mapping[str, Any]) -> list[T]:
    """Run ``query``; its columns are, in order, the fields of the dataclass ``kind``."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [kind(*row) for row in cursor.fetchall()]
