"""Lists of miners, and one miner."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from hashinsight.core.mining import efficiency_j_per_th
from hashinsight.core.scope import Scope, require_scope
from hashinsight.web.access import requires
from hashinsight.web.pages import render_page
from hosting.fleet.models import Miner, Site
from hosting.telemetry.choices import Identity, Mode, PowerSource
from hosting.telemetry.domain import status as rules
from hosting.telemetry.models import Live
from hosting.telemetry.selectors import detail, summary, sweeps, words
from hosting.telemetry.selectors import miners as selectors
from hosting.telemetry.selectors.access import access_miner, access_site, sites_of
from hosting.telemetry.selectors.history import history as last_day


@requires("fleet.view")
def miners(request: HttpRequest, public_id: str | None = None) -> HttpResponse:
    """The list of all machines in view, or of one site's."""
    scope = require_scope()
    site = access_site(scope, public_id) if public_id else None
    context = _list_context(request, scope, site)
    return render_page(request, "telemetry/miners.html", "telemetry/_miners.html", context)


def _list_context(request: HttpRequest, scope: Scope, site: Site | None) -> dict[str, Any]:
    wanted = selectors.MinerFilter(
        status=words.status_of_slug(request.GET.get("status", "")),
        reason=words.reason_of_slug(request.GET.get("reason", "")),
        cause=words.cause_of_slug(request.GET.get("cause", "")),
        rack=_number(request.GET.get("rack")),
        text=request.GET.get("q", ""),
    )
    page = _number(request.GET.get("page")) or 1
    rows = selectors.list_miners(scope, wanted, site=site, page=page)
    found = rows[0].found if rows else 0
    counts = selectors.counts(scope, site=site)
    return {
        "site": site,
        "rows": rows,
        "wanted": wanted,
        "wanted_word": words.STATUS[wanted.status] if wanted.status is not None else None,
        "reason_word": words.REASON[wanted.reason] if wanted.reason else None,
        "cause_word": words.cause(wanted.cause) if wanted.cause else None,
        "found": found,
        "page": page,
        "first": (page - 1) * selectors.PAGE_SIZE + 1,
        "last": (page - 1) * selectors.PAGE_SIZE + len(rows),
        "previous": page - 1 if page > 1 else None,
        "next": page + 1 if page * selectors.PAGE_SIZE < found else None,
        "all_count": sum(counts.values()),
        "tabs": [(words.STATUS[status], counts[status]) for status in summary.TROUBLE_FIRST],
        "shows_owner": scope.is_host_wide,
        "swept_at": sweeps.swept_at(
            scope, [site.pk] if site else sites_of(scope).values_list("pk", flat=True)
        ),
        "interval_s": settings.SWEEP_INTERVAL_S,
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 9 else None


@requires("fleet.view")
def miner(request: HttpRequest, public_id: str) -> HttpResponse:
    """One machine: what is wanted of it, what it does, when it was last seen."""
    scope = require_scope()
    machine = access_miner(scope, public_id)
    context = _miner_context(machine, selectors.live_of(machine))
    context["swept_at"] = sweeps.swept_at(scope, [machine.site_id])
    return render_page(request, "telemetry/miner.html", "telemetry/_miner.html", context)


def _miner_context(machine: Miner, live: Live | None) -> dict[str, Any]:
    status, reasons = detail.judge_now(machine, live)
    live = live or Live(miner_id=machine.pk, site_id=machine.site_id)
    is_current = status in {rules.Status.ONLINE, rules.Status.ATTENTION, rules.Status.ASLEEP}
    return {
        "miner": machine,
        "live": live,
        "word": words.STATUS[status],
        "reasons": words.reasons(int(reasons)),
        "offline": words.cause(live.miss_cause) if status == rules.Status.OFFLINE else None,
        "is_current": is_current,
        "mode": Mode(live.mode).label if live.sampled_at else None,
        "identity": Identity(live.identity),
        "power_source": PowerSource(live.power_source).label,
        "nominal_ths": live.hashrate_nominal_ths or machine.model.nominal_ths,
        "efficiency": efficiency_j_per_th(live.power_w, live.hashrate_ths),
        "parts": detail.parts(live),
        "interval_s": settings.SWEEP_INTERVAL_S,
    }


@requires("fleet.view")
def history(request: HttpRequest, public_id: str) -> HttpResponse:
    """The machine's last 24 hours in columns."""
    machine = access_miner(require_scope(), public_id)
    response = JsonResponse(last_day(machine), json_dumps_params={"separators": (",", ":")})
    response["Cache-Control"] = "no-store"
    return response
