"""The CSV import: upload, look at what would happen, confirm. And the way back, the export."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from hashinsight.accounts import permissions
from hashinsight.core.scope import Scope, require_scope
from hashinsight.web.access import requires
from hashinsight.web.pages import render_page
from hosting.fleet.domain import csv_export, csv_rows
from hosting.fleet.forms import ImportForm
from hosting.fleet.models import Site
from hosting.fleet.selectors import access_site, sites
from hosting.fleet.selectors.inventory import inventory_cells
from hosting.fleet.services import import_stash
from hosting.fleet.services.import_stash import Stashed
from hosting.fleet.services.imports import ImportReport, import_miners

SHOWN_PROBLEMS = 500
SHOWN_CHANGES = 100
UNPROCESSABLE = 422


@require_http_methods(["GET", "POST"])
@requires(permissions.IMPORT_FLEET)
def import_page(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST with a file: dry run. POST with the token of a dry run: the import itself."""
    scope = require_scope()
    choice = sites(scope)
    if request.method == "GET":
        return _page(request, ImportForm(sites=choice, initial={"site": request.GET.get("site")}))
    form = ImportForm(request.POST, request.FILES, sites=choice)
    if not form.is_valid():
        return _page(request, form, status=UNPROCESSABLE)
    site: Site = form.cleaned_data["site"]
    if form.cleaned_data["file"] is not None:
        return _try_out(request, scope, site, form)
    return _carry_out(request, scope, site, form)


def _try_out(request: HttpRequest, scope: Scope, site: Site, form: ImportForm) -> HttpResponse:
    upload = form.cleaned_data["file"]
    file = Stashed(name=str(upload.name), content=upload.read())
    report = import_miners(
        actor=request.user, scope=scope, site=site, content=file.content, dry_run=True, source=file.name
    )
    token = import_stash.put(scope, site, file) if report.changes_anything else ""
    context = {"report": report, "token": token, "file_name": file.name}
    return _page(request, form, status=200 if report.is_clean else UNPROCESSABLE, **context)


def _carry_out(request: HttpRequest, scope: Scope, site: Site, form: ImportForm) -> HttpResponse:
    token = form.cleaned_data["token"]
    file = import_stash.get(scope, site, token)
    if file is None:
        form.add_error("file", _("The file is no longer kept. Choose it again."))
        return _page(request, form, status=UNPROCESSABLE)
    report = import_miners(actor=request.user, scope=scope, site=site, content=file.content, source=file.name)
    if not report.is_clean:
        return _page(request, form, status=UNPROCESSABLE, report=report, file_name=file.name)
    import_stash.drop(scope, site, token)
    messages.success(request, _done(report))
    return redirect(f"{reverse('fleet:import')}?site={site.public_id}")


def _done(report: ImportReport) -> str:
    created = ngettext("%(n)s miner created", "%(n)s miners created", report.created) % {"n": report.created}
    changed = ngettext("%(n)s changed", "%(n)s changed", report.changed) % {"n": report.changed}
    return _("%(site)s: %(created)s, %(changed)s. They are being read now.") % {
        "site": report.site,
        "created": created,
        "changed": changed,
    }


def _page(request: HttpRequest, form: ImportForm, *, status: int = 200, **context: Any) -> HttpResponse:
    report: ImportReport | None = context.get("report")
    problems, changes = (report.problems, report.changes) if report else ([], [])
    shown = {
        "form": form,
        "columns": (*csv_rows.COLUMNS, *csv_rows.OPTIONAL_COLUMNS),
        "problems": problems[:SHOWN_PROBLEMS],
        "more_problems": max(0, len(problems) - SHOWN_PROBLEMS),
        "changes": changes[:SHOWN_CHANGES],
        "more_changes": max(0, len(changes) - SHOWN_CHANGES),
        **context,
    }
    return render_page(request, "fleet/import.html", "fleet/_import_result.html", shown, status=status)


@require_GET
@requires(permissions.IMPORT_FLEET)
def export_csv(request: HttpRequest, site_id: str) -> HttpResponse:
    """The inventory of a site in the format of the import."""
    scope = require_scope()
    site = access_site(scope, site_id)
    response = HttpResponse(
        csv_export.write(inventory_cells(scope, site)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{site.slug}.csv"'
    return response
