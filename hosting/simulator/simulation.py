"""The fleet as one object: machines, physics, switches and their truth. No sockets here."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from hosting.simulator.card import Card, make_card
from hosting.simulator.dialects import DIALECTS
from hosting.simulator.fleet import Fleet
from hosting.simulator.malform import spoil
from hosting.simulator.oracle import Oracle
from hosting.simulator.physics import Nameplates, Physics
from hosting.simulator.switches import HEALTHY, SwitchError, Switches
from hosting.simulator.view import View
from hosting.simulator.wire import Request, to_text

MAX_CATCH_UP_TICKS = 10

_PLAIN = ("transport", "reply", "latency_ms", "serial_api")


class Simulation:
    """All machines of a fleet. `tick` once a second; `reply` renders what a machine answers now."""

    def __init__(self, fleet: Fleet, *, seed: int = 1, warm: bool = True) -> None:
        self.fleet = fleet
        self.cards = [make_card(miner) for miner in fleet.miners]
        self.by_address = {card.address: card for card in self.cards}
        self.oracle = Oracle(len(self.cards))
        self.plain = [True] * len(self.cards)
        self.rng = random.Random(seed)
        self.started = self.now = time.time()
        self.on_drops: Callable[[], None] | None = None
        self._clean = True
        self.physics = Physics(_nameplates(fleet, self.cards, self.now), seed, self.now, warm=warm)
        self._was_down: frozenset[int] = frozenset()
        for card in self.cards:
            if card.switches is not HEALTHY:
                self._wire_up(card)
        self.physics.settle()
        self._swap_all()
        self.view = View(self.physics)
        self.physics.step(self.now)
        self.view.refresh()
        for card in self.cards:
            if card.switches is not HEALTHY:
                self.oracle.note_switches(self.now, card)

    # --- time -------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Advance the physics to epoch `now` in steps of a second; a long stall is skipped, not replayed."""
        steps = int(now - self.now)
        if steps > MAX_CATCH_UP_TICKS:
            self.now = now - 1
            steps = 1
        for _ in range(steps):
            self.oracle.end_tick(self.now, self.view.table)
            self.now += 1
            self.physics.step(self.now)
            self.view.refresh()
        self._note_down()

    def _note_down(self) -> None:
        """Machines that went off or came back on the network since the last look."""
        down = frozenset(np.flatnonzero(self.physics.down_left).tolist())
        if down == self._was_down:
            return
        for index in down ^ self._was_down:
            self.oracle.note_switches(time.time(), self.cards[index], down=index in down)
        self._was_down = down
        self._changed_drops()

    # --- answers ----------------------------------------------------------------------------------

    def reply(self, card: Card, request: Request) -> bytes:
        """The bytes on the wire for a request, as this machine spoils them."""
        dialect = DIALECTS[card.dialect]
        when = int(time.time()) + card.switches.clock_skew_s
        text = dialect.answer(card, self.view.row(card.index), max(when, 0), request)
        if request.text:
            text = to_text(text)
        body = text.encode()
        kind = card.switches.reply
        return body + b"\0" if kind == "ok" else spoil(kind, body)

    def latency_s(self, switches: Switches) -> float:
        """One draw of a machine's delay before it answers."""
        if switches.latency_ms == 0:
            return 0.0
        return self.rng.lognormvariate(0.0, switches.latency_sigma) * switches.latency_ms / 1000

    def dropped(self) -> set[str]:
        """Addresses whose SYNs are dropped: blackholes and machines that reboot."""
        out = {card.address for card in self.cards if card.switches.transport == "blackhole"}
        return out | {self.cards[i].address for i in self._was_down}

    # --- switches ---------------------------------------------------------------------------------

    def switch(self, miners: Iterable[int], changes: Mapping[str, Any]) -> int:
        """Change switches of miners by index; returns how many. SwitchError before anything has changed.

        `reboot` (true) is an action, not a state. `swap_with` trades addresses with another miner.
        """
        wanted = dict(changes)
        reboot = bool(wanted.pop("reboot", False))
        if wanted.get("transport") == "refused":
            raise SwitchError("refused needs a port nobody listens on: only in the fleet file")
        cards = self._pick(miners)
        after = [card.switches.with_changes(wanted) for card in cards]
        if "swap_with" in wanted:
            return self._swap_now(cards, wanted["swap_with"])
        for card, switches in zip(cards, after, strict=True):
            before = card.switches
            card.switches = switches
            self._wire_up(card)
            if before.mode == "sleeping" and switches.mode == "mining":
                self.physics.wake(card.index)
            if reboot:
                self.physics.reboot(card.index)
            if wanted:
                down = bool(self.physics.down_left[card.index])
                self.oracle.note_switches(time.time(), card, down=down)
        self._note_down()
        self._changed_drops()
        return len(cards)

    def _pick(self, miners: Iterable[int]) -> list[Card]:
        try:
            chosen = [int(i) for i in miners]
            if any(i < 0 for i in chosen):
                raise IndexError
            return [self.cards[i] for i in chosen]
        except (IndexError, TypeError, ValueError):
            raise SwitchError("no such miner") from None

    def _wire_up(self, card: Card) -> None:
        """Hand a machine's switches to the physics."""
        i, switches, physics = card.index, card.switches, self.physics
        physics.asleep[i] = switches.mode == "sleeping"
        physics.power_target[i] = switches.power_pct / 100
        physics.psu_ok[i] = not switches.psu_fault
        physics.board_ok[:, i] = True
        physics.fan_ok[:, i] = True
        physics.board_ok[list(switches.boards_dead), i] = False
        physics.fan_ok[list(switches.fans_dead), i] = False
        self.plain[i] = all(getattr(switches, name) == getattr(HEALTHY, name) for name in _PLAIN)

    def _changed_drops(self) -> None:
        if self.on_drops is not None:
            self.on_drops()

    # --- traded addresses -------------------------------------------------------------------------

    def _swap_all(self) -> None:
        for card in self.cards:
            other = card.switches.swap_with
            if other is not None and other > card.index:
                if other >= len(self.cards):
                    raise SwitchError(f"miner {card.index} swaps with {other}, which does not exist")
                self._trade(card, self.cards[other])

    def _swap_now(self, cards: list[Card], other: int | None) -> int:
        if len(cards) != 1:
            raise SwitchError("swap_with takes exactly one miner")
        if other is None:
            other = cards[0].switches.swap_with
        if other is None:
            return 0
        partner = self._pick([other])[0]
        undo = cards[0].switches.swap_with == other
        self._trade(cards[0], partner)
        for card, mate in ((cards[0], partner), (partner, cards[0])):
            card.switches = replace(card.switches, swap_with=None if undo else mate.index)
            self.oracle.note_switches(time.time(), card)
        self._changed_drops()
        return 2

    def _trade(self, a: Card, b: Card) -> None:
        a.address, b.address = b.address, a.address
        a.port, b.port = b.port, a.port
        a.http_port, b.http_port = b.http_port, a.http_port
        self.by_address[a.address], self.by_address[b.address] = a, b


def _nameplates(fleet: Fleet, cards: list[Card], now: float) -> Nameplates:
    sites = {site.slug: site for site in fleet.sites}
    offsets = {site.slug: _utc_offset_s(site.timezone, now) for site in fleet.sites}
    of = [miner.site for miner in fleet.miners]
    return Nameplates(
        ths=np.array([miner.nominal_ths for miner in fleet.miners], dtype=np.float64),
        watts=np.array([miner.nominal_w for miner in fleet.miners], dtype=np.float64),
        fans=np.array([card.model.fans for card in cards], dtype=np.int64),
        fan_max=np.array([card.model.fan_max_rpm for card in cards], dtype=np.float64),
        ambient_mean=np.array([sites[slug].ambient_mean_c for slug in of], dtype=np.float64),
        ambient_swing=np.array([sites[slug].ambient_swing_c for slug in of], dtype=np.float64),
        utc_offset_s=np.array([offsets[slug] for slug in of], dtype=np.float64),
    )


def _utc_offset_s(timezone: str, now: float) -> float:
    """Seconds east of UTC at epoch `now`; 0 where the machine knows no such zone."""
    try:
        offset = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(timezone)).utcoffset()
    except ZoneInfoNotFoundError:
        return 0.0
    return offset.total_seconds() if offset else 0.0
