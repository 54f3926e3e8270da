"""State machines by compare-and-set: the database decides who was first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hashinsight.core.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Machine:
    """Allowed moves of one status field: a set of (from, to)."""

    field: str
    moves: frozenset[tuple[str, str]]

    def allows(self, old: str, new: str) -> bool:
        """Whether ``old`` -> ``new`` is a move of this machine."""
        return (old, new) in self.moves


def move(machine: Machine, rows: QuerySet[Any], *, old: str, new: str, **also: Any) -> None:
    """Set ``machine.field`` from ``old`` to ``new`` on exactly one row, with ``also`` in the same UPDATE.

    Raises ConflictError when the move is not allowed or the row is no longer in ``old``.
    """
    if not machine.allows(old, new):
        raise ConflictError(_("This cannot go from “%(old)s” to “%(new)s”.") % {"old": old, "new": new})
    changed = rows.filter(**{machine.field: old}).update(**{machine.field: new, **also})
    if changed != 1:
        raise ConflictError(
            _("It is no longer “%(old)s”: somebody else changed it first.") % {"old": old},
            remedy=_("Reload the page and look at its present state."),
        )
