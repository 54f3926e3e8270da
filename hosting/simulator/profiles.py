"""Which miners of a fleet misbehave and how: clean, demo, bench, hostile. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from hosting.simulator.switches import REPLIES, TRANSPORTS

Behaviour = dict[str, Any]

JOINED_REFUSED_SHARE = 0.25
_DEAD = ("refused", "blackhole", "hang")


def apply_profile(profile: str, dialects: Sequence[str], rng: random.Random) -> list[Behaviour]:
    """One behaviour (a change to the default switches) for each miner; ValueError for an unknown profile."""
    try:
        return PROFILES[profile](dialects, rng)
    except KeyError:
        raise ValueError(f"no such profile: {profile} (known: {', '.join(PROFILES)})") from None


def _clean(dialects: Sequence[str], rng: random.Random) -> list[Behaviour]:
    """All healthy; a quarter of the Antminers refuse joined commands, as many S19 builds do."""
    return [
        {"joined_refused": True} if d == "antminer" and rng.random() < JOINED_REFUSED_SHARE else {}
        for d in dialects
    ]


def _demo(dialects: Sequence[str], rng: random.Random) -> list[Behaviour]:
    """A normal day: answers in tens of ms, 3 % asleep, 1 % faulty, 0.5 % dead."""
    out = _clean(dialects, rng)
    for behaviour in out:
        behaviour["latency_ms"] = 25.0
        dice = rng.random()
        if dice < 0.005:
            behaviour["transport"] = rng.choice(_DEAD)
        elif dice < 0.015:
            behaviour.update(_attention(rng))
        elif dice < 0.045:
            behaviour["mode"] = "sleeping"
    return out


def _attention(rng: random.Random) -> Behaviour:
    return rng.choice(
        (
            {"boards_dead": [rng.randrange(3)]},
            {"fans_dead": [rng.randrange(2)]},
            {"psu_fault": True},
            {"reply": "truncated"},
        )
    )


def _bench(dialects: Sequence[str], rng: random.Random) -> list[Behaviour]:
    """Exactly 5 % dead (a third each refused, blackhole, hang), exactly 25 % refuse joined (Antminers first).

    The miners that refuse joined are alive, so that each of them costs three connections.
    """
    count = len(dialects)
    order = list(range(count))
    rng.shuffle(order)
    out: list[Behaviour] = [{} for _ in dialects]
    dead = order[: round(count * 0.05)]
    for number, index in enumerate(dead):
        out[index]["transport"] = _DEAD[number % len(_DEAD)]
    living = order[len(dead) :]
    living.sort(key=lambda i: dialects[i] != "antminer")
    for index in living[: round(count * JOINED_REFUSED_SHARE)]:
        out[index]["joined_refused"] = True
    return out


def _hostile(dialects: Sequence[str], rng: random.Random) -> list[Behaviour]:
    """Every misbehaviour on: each on about 1 % of the fleet, every other miner merely slow or serial."""
    out = _clean(dialects, rng)
    changes: list[Behaviour] = [{"transport": name} for name in TRANSPORTS if name != "ok"]
    changes += [{"reply": name} for name in REPLIES if name != "ok"]
    changes += [
        {"boards_dead": [0]}, {"boards_dead": [0, 1, 2]}, {"fans_dead": [1]}, {"psu_fault": True},
        {"mode": "sleeping"}, {"clock_skew_s": 86_400}, {"clock_skew_s": -1_700_000_000},
        {"serial_api": True, "latency_ms": 60.0}, {"power_pct": 60.0},
        {"latency_ms": 400.0, "latency_sigma": 0.4},
    ]  # fmt: skip
    order = list(range(len(out)))
    rng.shuffle(order)
    spoilt = order[: max(len(changes), len(out) // 2)]
    for number, index in enumerate(spoilt):
        out[index].update(changes[number % len(changes)])
    rest = order[len(spoilt) :]
    swapped = len(rest) // 100 * 2
    for first, second in zip(rest[:swapped:2], rest[1:swapped:2], strict=True):
        out[first]["swap_with"], out[second]["swap_with"] = second, first
    for index in rest[swapped:]:
        out[index]["latency_ms"] = 15.0
    return out


PROFILES: dict[str, Callable[[Sequence[str], random.Random], list[Behaviour]]] = {
    "clean": _clean,
    "demo": _demo,
    "bench": _bench,
    "hostile": _hostile,
}
