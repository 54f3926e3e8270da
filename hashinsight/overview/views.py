"""The home page."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from hashinsight.overview import selectors
from hashinsight.web.access import scope_on
from hashinsight.web.pages import render_page


def home(request: HttpRequest) -> HttpResponse:
    """The fleet at a glance, and what needs somebody first."""
    scope = scope_on(request)
    if scope is None or not scope.may("fleet.view"):
        return render_page(request, "overview/nothing.html", "overview/nothing.html", {})
    context = {"fleet": selectors.fleet(scope), "interval_s": settings.SWEEP_INTERVAL_S}
    return render_page(request, "overview/home.html", "overview/_home.html", context)
