"""Forms of the fleet."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from hosting.fleet.domain.csv_rows import MAX_BYTES
from hosting.fleet.models import Site


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
