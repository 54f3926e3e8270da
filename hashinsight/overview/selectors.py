"""What the home pages show: the whole fleet in the caller's view, and each site of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from hashinsight.core.scope import Scope
from hosting.fleet.models import Site
from hosting.telemetry.selectors import summary, sweeps
from hosting.telemetry.selectors.access import sites_of


@dataclass(frozen=True, slots=True)
class SiteLine:
    """One site with its totals; ``capacity_w`` None where it is unknown or not the caller's to see."""

    site: Site
    totals: summary.Totals
    capacity_w: int | None
    sweep: sweeps.LastSweep | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything on the home page."""

    totals: summary.Totals
    capacity_w: int | None
    sweep: sweeps.LastSweep | None
    lines: list[SiteLine]
    problems: list[summary.Problem]

    @property
    def swept_at(self) -> datetime | None:
        """When the newest sweep ended."""
        ends = [line.sweep.finished_at for line in self.lines if line.sweep]
        return max(ends, default=None)


def fleet(scope: Scope) -> Fleet:
    """The fleet in five queries, however large."""
    sites = list(sites_of(scope))
    found = summary.parts(scope)
    by_site: dict[int, list[summary.Part]] = defaultdict(list)
    for part in found:
        by_site[part.site_id].append(part)
    last = sweeps.last_sweeps(scope, [site.pk for site in sites])
    lines = [
        SiteLine(
            site,
            summary.totals(by_site[site.pk]),
            site.capacity_w if scope.is_host_wide else None,
            last.get(site.pk),
        )
        for site in sites
    ]
    known = [line.capacity_w for line in lines]
    return Fleet(
        totals=summary.totals(found),
        # A sum with an unknown part would be too small without saying so.
        capacity_w=None if None in known or not known else sum(part or 0 for part in known),
        sweep=sweeps.together(list(last.values())),
        lines=lines,
        problems=summary.problems(scope, found),
    )
