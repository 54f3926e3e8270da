"""Forms of the fleet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from hashinsight.backoffice.forms import ModelForm
from hashinsight.core.scope import require_scope
from hosting.fleet.domain.csv_rows import MAX_BYTES, canonical_mac
from hosting.fleet.models import Miner, Rack, Site, Slot


class ImportForm(forms.Form):
    """Which file, for which of the caller's sites. ``token`` names a file that was just tried out."""

    site: forms.ModelChoiceField[Site] = forms.ModelChoiceField(
        label=_("Site"), queryset=Site.objects.none(), to_field_name="public_id", empty_label=None
    )
    file = forms.FileField(
        label=_("CSV file"),
        required=False,
        help_text=_("UTF-8, commas or semicolons, at most 25 MB and 100,000 miners."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    token = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, sites: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["site"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  (narrows the type)
        field.queryset = sites

    def clean_file(self) -> UploadedFile[Any] | None:
        """Refuse what is too large before it is read."""
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if file is not None and (file.size or 0) > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 25 MB. Split it into several files."))
        return file

    def clean(self) -> dict[str, Any]:
        """A file, or the token of one."""
        data = super().clean() or self.cleaned_data
        if not self.errors and not data.get("file") and not data.get("token"):
            self.add_error("file", _("Choose a CSV file."))
        return data


class HostedForm(ModelForm[Any]):
    """A form for a tenant row: the host comes from the caller's scope, before uniqueness is checked."""

    def _post_clean(self) -> None:
        self.instance.host_id = require_scope().host_id
        self.derive()
        super()._post_clean()  # type: ignore[misc]

    def derive(self) -> None:
        """Set what follows from other fields; called before the model's own checks."""

    def _get_validation_exclusions(self) -> set[str]:
        return set(super()._get_validation_exclusions()) - {"host", "site"}  # type: ignore[misc]


class SiteForm(HostedForm):
    """A site; its address ranges one a line."""

    class Meta:
        model = Site
        fields = ("name", "slug", "timezone", "capacity_w", "address_ranges", "is_polled")


class RackForm(HostedForm):
    """A rack stands on its zone's site."""

    class Meta:
        model = Rack
        fields = ("zone", "name")

    def derive(self) -> None:
        """Take the zone's site."""
        if zone := self.cleaned_data.get("zone"):
            self.instance.site_id = zone.site_id


class SlotForm(HostedForm):
    """A slot stands on its rack's site."""

    class Meta:
        model = Slot
        fields = ("rack", "row", "position")

    def derive(self) -> None:
        """Take the rack's site."""
        if rack := self.cleaned_data.get("rack"):
            self.instance.site_id = rack.site_id


class MinerForm(HostedForm):
    """A miner: MAC in any usual form, an address within the site's ranges, a slot of the same site."""

    mac = forms.CharField(label=_("MAC"), max_length=20)

    class Meta:
        model = Miner
        fields = (
            "site", "slot", "organization", "model", "mac", "serial", "address", "port", "http_port",
            "dialect", "worker", "desired_state",
        )  # fmt: skip

    def clean_mac(self) -> str:
        """The canonical form."""
        mac = canonical_mac(self.cleaned_data["mac"])
        if mac is None:
            raise forms.ValidationError(_("Write it as aa:bb:cc:dd:ee:ff."))
        return mac

    def clean(self) -> dict[str, Any]:
        """Slot and address must fit the site."""
        data = super().clean() or self.cleaned_data
        site, slot, address = data.get("site"), data.get("slot"), data.get("address")
        if site and slot and slot.site_id != site.pk:
            self.add_error("slot", _("This slot is at another site."))
        if site and address:
            ranges = [IPv4Network(net) for net in site.address_ranges]
            if not any(IPv4Address(address) in net for net in ranges):
                words = ", ".join(site.address_ranges) or "–"
                message = _("The address lies outside the site's ranges (%(ranges)s).") % {"ranges": words}
                self.add_error("address", message)
        return data
