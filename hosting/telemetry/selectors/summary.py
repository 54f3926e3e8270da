"""What the caller's fleet amounts to now: totals by site, problems by reason, the last sweeps.

One pass over miners and live rows answers totals and problems together.
"""

# ruff: noqa: S608 -- the queries are put together from constants of ours; every value is a parameter.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from hashinsight.core.mining import efficiency_j_per_th
from hashinsight.core.scope import Scope
from hosting.telemetry.domain.codes import PowerSource
from hosting.telemetry.domain.status import Reason, Status
from hosting.telemetry.selectors import status as sql
from hosting.telemetry.selectors import words
from hosting.telemetry.selectors.rows import fetch

# Below nameplate: all of it for a machine that does not answer, what is missing for one that does.
SHORTFALL: Final = (
    f"CASE WHEN status = {Status.OFFLINE} THEN nominal_ths ELSE GREATEST(nominal_ths - hashrate_ths, 0) END"
)
_REPORTING: Final = f"status IN ({Status.ONLINE}, {Status.ATTENTION}, {Status.ASLEEP})"
BOARD: Final = (
    f"SELECT m.id, m.public_id, m.site_id, m.serial, m.mac, {sql.STATUS} AS status, {sql.REASONS} AS reasons,"
    f" l.miss_cause, {sql.NOMINAL} AS nominal_ths, l.hashrate_ths, l.power_w, l.power_source, l.sampled_at"
)
_OF_SITE: Final = f"{sql.MINERS_IN_SCOPE} AND (%(site_id)s::bigint IS NULL OR m.site_id = %(site_id)s)"
_PARTS: Final = (
    f"WITH b AS MATERIALIZED ({BOARD}{_OF_SITE})"
    " SELECT site_id, status, reasons & -reasons AS reason,"
    f" CASE WHEN status = {Status.OFFLINE} THEN miss_cause END AS cause, count(*), sum(nominal_ths),"
    f" count(hashrate_ths) FILTER (WHERE {_REPORTING}), sum(hashrate_ths) FILTER (WHERE {_REPORTING}),"
    f" count(power_w) FILTER (WHERE {_REPORTING}), sum(power_w) FILTER (WHERE {_REPORTING}),"
    f" sum(power_w) FILTER (WHERE {_REPORTING} AND hashrate_ths > 0),"
    f" sum(hashrate_ths) FILTER (WHERE {_REPORTING} AND power_w IS NOT NULL),"
    f" count(*) FILTER (WHERE {_REPORTING} AND power_w IS NOT NULL"
    f" AND power_source IN ({PowerSource.FIRMWARE}, {PowerSource.MODEL})),"
    f" sum({SHORTFALL}), max(sampled_at) FILTER (WHERE {_REPORTING})"
    " FROM b GROUP BY 1, 2, 3, 4"
)
_WORST: Final = (
    f"WITH b AS MATERIALIZED ({BOARD}{_OF_SITE}),"
    f" s AS (SELECT *, {SHORTFALL} AS shortfall, reasons & -reasons AS reason,"
    f" CASE WHEN status = {Status.OFFLINE} THEN miss_cause END AS cause"
    f" FROM b WHERE status IN ({Status.ATTENTION}, {Status.OFFLINE})),"
    " r AS (SELECT *, row_number() OVER (PARTITION BY status, reason, cause"
    " ORDER BY shortfall DESC NULLS LAST, id) AS place FROM s)"
    " SELECT status, reason, cause, public_id, COALESCE(NULLIF(serial, ''), mac), shortfall"
    " FROM r WHERE place <= %(top)s ORDER BY status, reason, cause, place"
)


TROUBLE_FIRST: Final = (Status.ATTENTION, Status.OFFLINE, Status.UNKNOWN, Status.ASLEEP, Status.ONLINE)


@dataclass(slots=True)
class Part:
    """Sums over the miners of one site, status and first reason (or cause of the miss)."""

    site_id: int
    status: int
    reason: int
    cause: int | None
    miners: int
    nominal_ths: float | None
    hashrate_of: int
    hashrate_ths: float | None
    power_of: int
    power_w: float | None
    paired_power_w: float | None
    paired_hashrate_ths: float | None
    estimated_of: int
    shortfall_ths: float | None
    sampled_at: datetime | None


@dataclass(slots=True)
class Totals:
    """Sums over any parts; None = nobody reported it. Hashrate TH/s, power W, efficiency J/TH."""

    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    miners: int = 0
    nominal_ths: float = 0.0
    hashrate_of: int = 0
    hashrate_ths: float | None = None
    power_of: int = 0
    power_w: float | None = None
    estimated_of: int = 0
    efficiency: float | None = None
    shortfall_ths: float = 0.0
    sampled_at: datetime | None = None

    @property
    def shortfall_percent(self) -> float | None:
        """What is not earned, in percent of the nameplate."""
        return 100 * self.shortfall_ths / self.nominal_ths if self.nominal_ths else None

    @property
    def tabs(self) -> list[tuple[words.Word, int]]:
        """Each status in words with its count, trouble first."""
        return [(words.STATUS[status], self.counts[status]) for status in TROUBLE_FIRST]

    @property
    def stack(self) -> list[tuple[str, str, int]]:
        """The parts of the bar that shows the counts, the good ones first."""
        return [(word.slug, str(word.label), count) for word, count in reversed(self.tabs)]

    @property
    def hashrate_source(self) -> str:
        """Where the hashrate comes from."""
        told = {"n": self.hashrate_of, "of": self.miners}
        return _("reported by %(n)d of %(of)d machines, long window") % told

    @property
    def power_is_partial(self) -> bool:
        """Whether the power is the sum of some machines only: many do not measure it."""
        return 0 < self.power_of < self.hashrate_of

    @property
    def power_source(self) -> str:
        """Where the power comes from, and how much of it is an estimate."""
        told = {"n": self.power_of, "of": self.miners, "guess": self.estimated_of}
        return _("reported by %(n)d of %(of)d machines, %(guess)d of them estimate it") % told


@dataclass(slots=True)
class Worst:
    """One of the machines that a problem group is shown by."""

    status: int
    reason: int
    cause: int | None
    public_id: str
    name: str
    shortfall_ths: float | None


@dataclass(slots=True)
class Problem:
    """Machines that need somebody for the same reason. ``shortfall_ths`` = below their nameplate."""

    status: Status
    reason: int
    cause: int | None
    word: words.Word
    miners: int = 0
    shortfall_ths: float = 0.0
    worst: list[Worst] = field(default_factory=list)

    @property
    def query(self) -> str:
        """The query of the list that shows just these machines."""
        if self.status == Status.ATTENTION:
            return f"?status=attention&reason={self.word.slug}"
        return "?status=offline" if self.cause is None else f"?status=offline&cause={self.word.slug}"


def parts(scope: Scope, *, site_id: int | None = None) -> list[Part]:
    """The fleet in the caller's view, in parts; of one site when given."""
    return fetch(Part, _PARTS, sql.parameters(scope, site_id=site_id))


def totals(of: Iterable[Part]) -> Totals:
    """Add parts up."""
    total = Totals()
    paired_w = paired_ths = 0.0
    for part in of:
        total.counts[Status(part.status)] += part.miners
        total.miners += part.miners
        total.nominal_ths += part.nominal_ths or 0.0
        total.hashrate_of += part.hashrate_of
        total.power_of += part.power_of
        total.estimated_of += part.estimated_of
        total.hashrate_ths = _add(total.hashrate_ths, part.hashrate_ths)
        total.power_w = _add(total.power_w, part.power_w)
        paired_w += part.paired_power_w or 0.0
        paired_ths += part.paired_hashrate_ths or 0.0
        if part.status in {Status.ATTENTION, Status.OFFLINE}:
            total.shortfall_ths += part.shortfall_ths or 0.0
        if part.sampled_at is not None:
            total.sampled_at = max(total.sampled_at or part.sampled_at, part.sampled_at)
    total.efficiency = efficiency_j_per_th(paired_w or None, paired_ths)
    return total


def problems(scope: Scope, of: Iterable[Part], *, site_id: int | None = None, top: int = 3) -> list[Problem]:
    """What needs somebody, dearest first, each with its ``top`` machines. Empty: nothing does."""
    groups: dict[tuple[int, int, int | None], Problem] = {}
    for part in of:
        if part.status not in {Status.ATTENTION, Status.OFFLINE}:
            continue
        key = (part.status, part.reason, part.cause)
        problem = groups.setdefault(key, _problem(part))
        problem.miners += part.miners
        problem.shortfall_ths += part.shortfall_ths or 0.0
    if groups:
        for worst in fetch(Worst, _WORST, sql.parameters(scope, site_id=site_id, top=top)):
            found = groups.get((worst.status, worst.reason, worst.cause))
            if found is not None:
                found.worst.append(worst)
    return sorted(groups.values(), key=lambda group: (-group.shortfall_ths, -group.miners))


def _problem(part: Part) -> Problem:
    if part.status == Status.OFFLINE:
        return Problem(Status.OFFLINE, 0, part.cause, words.cause(part.cause))
    return Problem(Status.ATTENTION, part.reason, None, words.REASON[Reason(part.reason)])


def _add(total: float | None, more: float | None) -> float | None:
    return total if more is None else (total or 0.0) + float(more)
