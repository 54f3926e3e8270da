"""Errors that the three faces turn into one clear answer: what is wrong, with which thing, what to do."""

from __future__ import annotations

from django.http import Http404


class DomainError(Exception):
    """A refusal with a reason that a person can act upon.

    ``code`` is stable and machine-readable, ``message`` names the thing, ``remedy`` says what to do.
    """

    code = "error"
    status = 400

    def __init__(self, message: str, *, remedy: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ConflictError(DomainError):
    """Somebody else was faster, or the thing is not in the state that this step needs."""

    code = "conflict"
    status = 409


class NotFoundError(DomainError, Http404):
    """There is no such thing, or the caller may not know of it. An uncaught one is Django's plain 404."""

    code = "not_found"
    status = 404


class NotAllowedError(DomainError):
    """The actor's role does not allow this action."""

    code = "not_allowed"
    status = 403


class InvalidInputError(DomainError):
    """The input cannot be used as it is."""

    code = "invalid"
    status = 422


class ScopeError(RuntimeError):
    """Tenant data was touched outside an open scope: a programming error, never a user's."""
