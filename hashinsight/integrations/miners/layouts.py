"""What the keys of an object mean, worked out once for each set of keys.

A fleet sends a handful of layouts thousands of times a minute; reading their names (``chain_rate7``,
``MHS 15m``) each time costs more than reading their values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

__all__ = ["MAX_CHARACTERS", "MAX_LAYOUTS", "Layouts"]

# Keys are hostile input too: these bound what a miner that invents new ones can make us keep.
MAX_LAYOUTS = 256
MAX_CHARACTERS = 16_384

Layout = TypeVar("Layout")


class Layouts(Generic[Layout]):
    """``read`` with a memory: called with an object, it gives what ``read`` makes of the object's keys."""

    __slots__ = ("_known", "_read")

    def __init__(self, read: Callable[[tuple[str, ...]], Layout]) -> None:
        self._read = read
        self._known: dict[tuple[str, ...], Layout] = {}

    def __call__(self, body: Mapping[str, Any]) -> Layout:
        keys = tuple(body)
        layout = self._known.get(keys)
        return self._learn(keys) if layout is None else layout

    def __len__(self) -> int:
        return len(self._known)

    def _learn(self, keys: tuple[str, ...]) -> Layout:
        layout = self._read(keys)
        if sum(map(len, keys)) <= MAX_CHARACTERS:
            if len(self._known) >= MAX_LAYOUTS:
                self._known.clear()
            self._known[keys] = layout
        return layout
