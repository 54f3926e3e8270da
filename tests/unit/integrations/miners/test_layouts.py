"""The memory of layouts: right for each order of keys, and bounded whatever miners invent."""

from __future__ import annotations

from hashinsight.integrations.miners import layouts, units
from hashinsight.integrations.miners.layouts import Layouts


def test_keys_are_read_once() -> None:
    seen: list[tuple[str, ...]] = []

    def read(names: tuple[str, ...]) -> int:
        seen.append(names)
        return len(names)

    count = Layouts(read)
    assert [count({"a": 1, "b": 2}), count({"a": 3, "b": 4}), count({"a": 1}), count({})] == [2, 2, 1, 0]
    assert seen == [("a", "b"), ("a",), ()]
    assert len(count) == 3


def test_memory_is_bounded() -> None:
    layout_of = Layouts(lambda names: names)
    for number in range(layouts.MAX_LAYOUTS * 2 + 5):
        assert layout_of({f"key{number}": 0}) == (f"key{number}",)
        assert len(layout_of) <= layouts.MAX_LAYOUTS
    known = len(layout_of)
    long = "x" * (layouts.MAX_CHARACTERS + 1)
    assert layout_of({long: 0}) == (long,)
    assert len(layout_of) == known


def test_of_two_names_for_one_window_the_later_one_counts() -> None:
    assert units.windows("antminer", {"GHS 60s": 1000, "GHS 1m": 2000}) == {60: 2.0}
    assert units.windows("antminer", {"GHS 1m": 2000, "GHS 60s": 1000}) == {60: 1.0}
    assert units.windows("antminer", {"GHS 60s": 1000, "GHS 1m": ""}) == {60: 1.0}
