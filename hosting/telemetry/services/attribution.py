"""From outcomes to rows: whose reading is it, what does the try say about the address?

A reading goes to the miner whose MAC answered. When that is another one than the inventory has at the
address, both are held back from control and a claim is opened for a person to decide.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connections

from hashinsight.core.ids import new_public_id
from hosting.telemetry.domain.codes import Identity, MissCause
from hosting.telemetry.domain.device import DeviceRow, next_due
from hosting.telemetry.domain.rows import MISS_CAUSES, Key, bounded_int4, live_extra, sample_row
from hosting.telemetry.services.asking import Outcome
from hosting.telemetry.services.leases import USING, Lease
from hosting.telemetry.services.sink import Batch

_HELD = frozenset({Identity.CONFLICT, Identity.MOVED})


@dataclass(frozen=True, slots=True)
class Owner:
    """The miner that a reading belongs to."""

    miner_id: int
    organization_id: int
    site_id: int


@dataclass(slots=True)
class Tally:
    """Counts of one sweep. ``misses`` by cause name; ``duplicates`` = a second answer with one MAC."""

    good: int = 0
    missed: int = 0
    stored: int = 0
    requests: int = 0
    repaired: int = 0
    duplicates: int = 0
    misses: Counter[str] = field(default_factory=Counter)


class Attribution:
    """Turns the outcomes of one sweep into batches, remembering what was read in it."""

    def __init__(self, lease: Lease, host_id: int, interval_s: int) -> None:
        self.tally = Tally()
        self._lease = lease
        self._host_id = host_id
        self._interval_s = interval_s
        self._read: set[int] = set()

    def batch(self, outcomes: list[Outcome]) -> Batch:
        """The rows of ``outcomes``; reads the inventory only for MACs that answered at a wrong address."""
        strangers = {o.mac for o in outcomes if o.mac is not None and o.mac != o.row.mac}
        owners = self._owners(strangers) if strangers else {}
        batch = Batch()
        for outcome in outcomes:
            self.tally.requests += outcome.polled.requests
            self.tally.repaired += bool(outcome.polled.repairs)
            if outcome.polled.reading is None:
                self._missed(batch, outcome)
            elif outcome.is_stranger:
                self._elsewhere(batch, outcome, None)
            elif outcome.mac is not None and outcome.mac != outcome.row.mac:
                self._elsewhere(batch, outcome, owners.get(outcome.mac))
            else:
                self._own(batch, outcome)
        return batch

    def _owners(self, macs: set[str]) -> dict[str, Owner]:
        with connections[USING].cursor() as cursor:
            cursor.execute(
                "SELECT mac, id, organization_id, site_id FROM fleet_miner"
                " WHERE host_id = %s AND mac = ANY(%s) AND desired_state <> 'retired'",
                [self._host_id, sorted(macs)],
            )
            return {mac: Owner(*rest) for mac, *rest in cursor.fetchall()}

    def _own(self, batch: Batch, outcome: Outcome) -> None:
        """The inventory's own machine answered, or nothing speaks against it."""
        row = outcome.row
        if outcome.mac is None and (row.is_found or (outcome.is_doubtful and row.identity in _HELD)):
            # Not shown to be the one: what was held stays held, and nothing is stored under its name.
            self._count_miss(MissCause.FOREIGN)
            batch.tries.append(self._try(outcome, MissCause.FOREIGN, self._last(row), held=True))
            return
        owner = Owner(row.miner_id, row.organization_id, self._lease.site_id)
        identity = Identity.UNVERIFIED if outcome.mac is None else Identity.CONFIRMED
        if row.is_found or row.miner_id in self._read:
            identity = Identity.MOVED
        elif row.identity in _HELD:
            batch.settled.append(row.miner_id)
        if row.is_found:
            batch.claims.append(self._claim(outcome, owner))
        held = identity is Identity.MOVED
        batch.tries.append(self._try(outcome, None, identity, held=held))
        self._reading(batch, outcome, owner, identity, held=held)

    def _elsewhere(self, batch: Batch, outcome: Outcome, owner: Owner | None) -> None:
        """Another machine answered at this address."""
        row = outcome.row
        is_elsewhere = row.is_found or row.miner_id in self._read
        identity = Identity.MOVED if is_elsewhere else Identity.CONFLICT
        batch.tries.append(self._try(outcome, MissCause.FOREIGN, identity, held=True))
        if row.is_found:
            batch.settled.append(row.miner_id)  # it has left the place where it was found
        else:
            batch.claims.append(self._claim(outcome, owner))
        if owner is not None and owner.site_id == self._lease.site_id:
            self._reading(batch, outcome, owner, Identity.MOVED, held=True)
        else:
            self._count_miss(MissCause.FOREIGN)

    def _missed(self, batch: Batch, outcome: Outcome) -> None:
        if outcome.polled.miss is None:
            raise ValueError("an outcome has a reading or a miss")
        cause = MissCause(MISS_CAUSES[outcome.polled.miss])
        self._count_miss(cause)
        if outcome.row.miner_id in self._read:
            batch.tries.append(self._try(outcome, None, Identity.MOVED, held=True))
            return
        identity = self._last(outcome.row)
        batch.tries.append(self._try(outcome, cause, identity, held=identity in _HELD))

    def _last(self, row: DeviceRow) -> Identity:
        """What is to be thought of a miner as long as nothing new is known."""
        return Identity.MOVED if row.is_found else Identity(row.identity)

    def _count_miss(self, cause: MissCause) -> None:
        self.tally.missed += 1
        self.tally.misses[cause.name.lower()] += 1

    def _reading(
        self, batch: Batch, outcome: Outcome, owner: Owner, identity: Identity, *, held: bool
    ) -> None:
        reading = outcome.polled.reading
        if reading is None or owner.miner_id in self._read:
            # One machine answers at two addresses: the second has no machine of its own.
            self.tally.duplicates += 1
            self._count_miss(MissCause.FOREIGN)
            return
        self._read.add(owner.miner_id)
        self.tally.good += 1
        key = Key(
            host_id=self._host_id,
            site_id=self._lease.site_id,
            organization_id=owner.organization_id,
            miner_id=owner.miner_id,
            slot_at=self._lease.slot_at,
            sampled_at=outcome.at,
        )
        batch.readings.append(
            (*sample_row(key, reading, outcome.polled.rtt_ms), *live_extra(reading), int(identity), held)
        )

    def _try(
        self, outcome: Outcome, miss: MissCause | None, identity: Identity, *, held: bool
    ) -> tuple[Any, ...]:
        """A row of the sink's tries."""
        row = outcome.row
        # A miner that was read at another address in this sweep is not missing, whatever its own says.
        is_miss = miss is not None and row.miner_id not in self._read
        misses = row.misses + 1 if is_miss else 0
        return (
            row.miner_id,
            self._lease.site_id,
            self._host_id,
            row.organization_id,
            self._lease.slot_at,
            outcome.at,
            int(miss) if is_miss and miss is not None else None,
            misses,
            next_due(row.miner_id, misses, outcome.at, self._interval_s),
            outcome.polled.joined_refused,
            int(identity),
            held,
            row.key,
            *_memory(row, outcome),
        )

    def _claim(self, outcome: Outcome, owner: Owner | None) -> tuple[Any, ...]:
        row, at = outcome.row, outcome.at
        site = self._lease.site_id
        found = owner.miner_id if owner else None
        mac = outcome.mac or ""
        who = (row.organization_id, row.miner_id, row.address, row.port, mac, found)
        place = (row.miner_id, mac, row.address, row.port)
        return (new_public_id(), self._host_id, site, *who, at, at, site, *place)


def _memory(row: DeviceRow, outcome: Outcome) -> tuple[str, datetime | None, int | None, datetime | None]:
    """MAC, time of its check, uptime and time seen, as remembered of the address from now on.

    A doubtful answer changes nothing of it, so that the doubt stays until it is cleared.
    """
    if outcome.polled.reading is None or (outcome.is_doubtful and row.remembers):
        if row.remembers:
            return row.address_mac, row.address_checked_at, row.address_uptime_s, row.address_seen_at
        return "", None, None, None
    checked_at = outcome.at if outcome.checked else row.address_checked_at if row.remembers else None
    mac = outcome.mac or ""
    return mac, checked_at if mac else None, bounded_int4(outcome.polled.reading.uptime_s), outcome.at
