"""A site: its totals, its map, its open claims."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from hashinsight.core.errors import DomainError
from hashinsight.core.scope import Scope, require_scope
from hashinsight.web.access import requires
from hashinsight.web.pages import render_page
from hosting.fleet.models import Site
from hosting.telemetry.selectors import heatmap as maps
from hosting.telemetry.selectors import summary, sweeps
from hosting.telemetry.selectors.access import access_site
from hosting.telemetry.selectors.claims import open_claims
from hosting.telemetry.services import claims as claim_services


@requires("fleet.view")
def site(request: HttpRequest, public_id: str) -> HttpResponse:
    """The site's page or its live part."""
    scope = require_scope()
    place = access_site(scope, public_id)
    return render_page(request, "telemetry/site.html", "telemetry/_site.html", _site_context(scope, place))


def _site_context(scope: Scope, place: Site) -> dict[str, Any]:
    parts = summary.parts(scope, site_id=place.pk)
    return {
        "site": place,
        "totals": summary.totals(parts),
        "problems": summary.problems(scope, parts, site_id=place.pk),
        "capacity_w": place.capacity_w if scope.is_host_wide else None,
        "sweep": sweeps.last_sweeps(scope, [place.pk]).get(place.pk),
        "racks": maps.racks(scope, place),
        "claims": open_claims(scope, place),
        "may_confirm": scope.may("fleet.confirm_identity"),
        "interval_s": settings.SWEEP_INTERVAL_S,
    }


@requires("fleet.view")
def heatmap(request: HttpRequest, public_id: str) -> HttpResponse:
    """The site's machines in columns, for the map."""
    scope = require_scope()
    place = access_site(scope, public_id)
    answer = maps.heatmap(scope, place, known_layout=request.GET.get("layout", ""))
    response = JsonResponse(answer, json_dumps_params={"separators": (",", ":")})
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@requires("fleet.confirm_identity")
def decide_claim(request: HttpRequest, public_id: str, claim_id: str, decision: str) -> HttpResponse:
    """Confirm or dismiss that another machine answers at an address."""
    scope = require_scope()
    place = access_site(scope, public_id)
    service = claim_services.confirm if decision == "confirm" else claim_services.dismiss
    try:
        service(actor=request.user, scope=scope, public_id=claim_id)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Confirmed.") if decision == "confirm" else _("Dismissed."))
    return redirect("telemetry:site", public_id=place.public_id)
