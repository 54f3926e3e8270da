"""Which shards of which sites are due."""

from __future__ import annotations

from math import ceil


def shard_count(miners: int, shard_size: int) -> int:
    """How many shards a site of ``miners`` has; at least one."""
    return max(1, ceil(miners / shard_size))
