"""How a site is divided."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.telemetry.domain.slots import shard_count


@pytest.mark.parametrize(
    ("miners", "size", "shards"), [(0, 6000, 1), (1, 6000, 1), (6000, 6000, 1), (6001, 6000, 2), (3, 1, 3)]
)
def test_shard_count(miners: int, size: int, shards: int) -> None:
    assert shard_count(miners, size) == shards


@given(st.integers(0, 10**6), st.integers(1, 10**5))
def test_all_fit_and_no_shard_is_one_too_many(miners: int, size: int) -> None:
    shards = shard_count(miners, size)
    assert shards * size >= miners
    assert shards == 1 or (shards - 1) * size < miners
