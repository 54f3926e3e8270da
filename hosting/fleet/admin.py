"""Sites, zones, racks, slots, miners and models in the back office."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hashinsight.audit.adminlog import AuditedAdmin
from hashinsight.backoffice.admin import action, display, register
from hashinsight.core.scope import current_scope, require_scope
from hosting.fleet.choices import DesiredState
from hosting.fleet.forms import HostedForm, MinerForm, RackForm, SiteForm, SlotForm
from hosting.fleet.models import Miner, MinerModel, Rack, Site, SiteAssignment, Slot, Zone
from hosting.fleet.services.miners import read_again, set_desired_state


@register(Site)
class SiteAdmin(AuditedAdmin[Site]):
    """Sites. They are not deleted, their history stays."""

    form = SiteForm
    list_display = ["name", "slug", "timezone", "capacity_w", "is_polled", "miner_count"]
    list_filter = ["is_polled"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """With the number of miners, counted in the same query."""
        return super().get_queryset(request).annotate(miners_=Count("miners"))

    @display(description=_("miners"), ordering="miners_")
    def miner_count(self, site: Site) -> int:
        """Miners in the inventory, retired ones included."""
        return int(getattr(site, "miners_", 0))

    def save_model(self, request: HttpRequest, obj: Site, form: ModelForm[Site], change: bool) -> None:
        """Save, and have the site read when where to look changed."""
        super().save_model(request, obj, form, change)
        if change and {"address_ranges", "is_polled"}.intersection(form.changed_data):
            read_again(obj.pk, ["site"])


@register(Zone)
class ZoneAdmin(AuditedAdmin[Zone]):
    """Buildings and containers."""

    form = HostedForm
    fields = ["site", "name"]
    list_display = ["name", "site"]
    list_select_related = ["site"]
    list_filter = ["site"]
    search_fields = ["name", "site__name"]


@register(Rack)
class RackAdmin(AuditedAdmin[Rack]):
    """Racks."""

    form = RackForm
    list_display = ["name", "zone", "site"]
    list_select_related = ["zone", "site"]
    list_filter = ["site"]
    search_fields = ["name", "zone__name"]
    autocomplete_fields = ["zone"]


@register(Slot)
class SlotAdmin(AuditedAdmin[Slot]):
    """Places in racks."""

    form = SlotForm
    list_display = ["rack", "row", "position", "site"]
    list_select_related = ["rack", "site"]
    list_filter = ["site"]
    search_fields = ["rack__name"]
    autocomplete_fields = ["rack"]


@register(MinerModel)
class MinerModelAdmin(AuditedAdmin[MinerModel]):
    """The catalogue, shared by all hosts."""

    list_display = ["maker", "name", "slug", "dialect", "nominal_ths", "nominal_w"]
    list_filter = ["maker", "dialect"]
    search_fields = ["maker", "name", "slug"]
    fields = ["maker", "name", "slug", "dialect", "nominal_ths", "nominal_w"]


@register(SiteAssignment)
class SiteAssignmentAdmin(AuditedAdmin[SiteAssignment]):
    """Which sites a member of staff with the role “user” works on."""

    list_display = ["user", "site"]
    list_select_related = ["user", "site"]
    list_filter = ["site"]
    search_fields = ["user__email", "user__name", "site__name"]
    autocomplete_fields = ["user", "site"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SiteAssignment]:
        """Assignments to the caller's own sites: the table lies outside row-level security."""
        scope = current_scope()
        rows = super().get_queryset(request)
        return rows.none() if scope is None else rows.filter(site__host_id=scope.host_id)


@register(Miner)
class MinerAdmin(AuditedAdmin[Miner]):
    """The inventory. Miners are retired, never deleted: samples and bills refer to them."""

    form = MinerForm
    list_display = ["mac", "serial", "model", "site", "slot", "organization", "address", "desired_state"]
    list_select_related = ["model", "site", "slot__rack", "organization"]
    list_filter = ["site", "desired_state", "model"]
    search_fields = ["mac__startswith", "serial__istartswith", "address__startswith", "worker__istartswith"]
    search_help_text = _("The beginning of a MAC, serial number, address or worker")
    autocomplete_fields = ["site", "slot", "organization", "model"]
    readonly_fields = ["public_id", "created_at", "updated_at"]
    fieldsets = [
        (None, {"fields": ["mac", "serial", "model", "dialect", "organization", "worker", "desired_state"]}),
        (_("Where"), {"fields": ["site", "slot", "address", "port", "http_port"]}),
        (_("Record"), {"fields": ["public_id", "created_at", "updated_at"]}),
    ]
    actions = ["into_maintenance", "back_to_mining", "retire"]
    ordering = ["site", "pk"]

    def save_model(self, request: HttpRequest, obj: Miner, form: ModelForm[Miner], change: bool) -> None:
        """Save, and have the site read when the miner is reached differently now."""
        super().save_model(request, obj, form, change)
        read_again(obj.site_id, form.changed_data)

    def has_delete_permission(self, request: HttpRequest, obj: Miner | None = None) -> bool:
        """Never."""
        return False

    @action(description=_("Put into maintenance"), permissions=["change"])
    def into_maintenance(self, request: HttpRequest, queryset: QuerySet[Miner]) -> None:
        """Note that they are being worked on."""
        self._want(request, queryset, DesiredState.MAINTENANCE)

    @action(description=_("Back to mining"), permissions=["change"])
    def back_to_mining(self, request: HttpRequest, queryset: QuerySet[Miner]) -> None:
        """Note that they are wanted mining."""
        self._want(request, queryset, DesiredState.MINING)

    @action(description=_("Retire (frees slot and address)"), permissions=["change"])
    def retire(self, request: HttpRequest, queryset: QuerySet[Miner]) -> None:
        """Take them out of service for good."""
        self._want(request, queryset, DesiredState.RETIRED)

    def _want(self, request: HttpRequest, queryset: QuerySet[Miner], state: DesiredState) -> None:
        plain: Any = Miner.objects.filter(pk__in=queryset.values("pk"))
        n = set_desired_state(actor=request.user, scope=require_scope(), miners=plain, state=state)
        messages.success(request, ngettext("%(n)d miner changed.", "%(n)d miners changed.", n) % {"n": n})
