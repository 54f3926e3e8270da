"""Typed reading of the environment: a bad value stops the start and names the variable and the remedy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str | None = None) -> str:
    """The variable as text; without a default it must be set and not empty."""
    value = os.environ.get(name, "")
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it in the environment (see docs/operations.md).")
    return default


def flag(name: str, default: bool) -> bool:
    """A yes/no variable: 1/true/yes/on or 0/false/no/off."""
    raw = os.environ.get(name, "").strip().lower()
    if not raw:
        return default
    if raw in _TRUE:
        return True
    if raw in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={raw!r} is not a yes or no. Use 1 or 0.")


def integer(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number within ``low``..``high``."""
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={raw!r} is not a whole number.") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name}={value} is outside {low}..{high}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list; empty items are dropped."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


@dataclass(frozen=True)
class DatabaseUrl:
    """A ``postgresql://user:password@host:port/name`` taken apart."""

    user: str
    password: str
    host: str
    port: str
    name: str

    @classmethod
    def parse(cls, variable: str, raw: str) -> DatabaseUrl:
        """Raise ImproperlyConfigured (without the password) when ``raw`` is not such an address."""
        parts = urlsplit(raw)
        if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
            raise ImproperlyConfigured(
                f"{variable} must look like postgresql://user:password@host:5432/name."
            )
        return cls(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname or "",
            port=str(parts.port or ""),
            name=unquote(parts.path.lstrip("/")),
        )


def database_url(name: str) -> DatabaseUrl:
    """The database address in variable ``name``."""
    return DatabaseUrl.parse(name, text(name))


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of ``allowed``."""
    value = os.environ.get(name, "") or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r} is not one of {', '.join(allowed)}.")
    return value
