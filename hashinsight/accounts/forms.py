"""Forms for people in the back office."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hashinsight.accounts.choices import OrganizationKind, Role
from hashinsight.accounts.models import Membership, Organization, User
from hashinsight.accounts.permissions import ROLES_OF_KIND
from hashinsight.backoffice.forms import ModelForm, UserChangeForm, UserCreationForm


def check_role(organization: Organization | None, role: str | None) -> None:
    """Refuse a role that this kind of organization does not have (ValidationError on ``role``)."""
    if organization is not None and role and role not in ROLES_OF_KIND[organization.kind]:
        words = ", ".join(str(Role(one).label) for one in sorted(ROLES_OF_KIND[organization.kind]))
        message = _("A %(kind)s has these roles: %(roles)s.")
        raise forms.ValidationError(
            {"role": message % {"kind": organization.get_kind_display(), "roles": words}}
        )


class PersonForm(UserCreationForm):
    """A new person with the first membership: nobody is without one."""

    organization = forms.ModelChoiceField(label=_("Organization"), queryset=Organization.objects.none())
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)

    class Meta:
        model = User
        fields = ("email", "name")

    def clean(self) -> dict[str, Any]:
        """The role must exist in that kind of organization."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        check_role(data.get("organization"), data.get("role"))
        return data


class PersonChangeForm(UserChangeForm):
    """A person's own data; what follows from memberships is not edited here."""

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "password")


class OrganizationForm(ModelForm[Organization]):
    """A customer or partner; its host is the caller's."""

    class Meta:
        model = Organization
        fields = ("kind", "name", "slug")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            kinds = [choice for choice in OrganizationKind.choices if choice[0] != OrganizationKind.HOST]
            self.fields["kind"] = forms.ChoiceField(label=_("Kind"), choices=kinds)


class MembershipForm(ModelForm[Membership]):
    """Who belongs where as what."""

    class Meta:
        model = Membership
        fields = ("user", "organization", "role")

    def clean(self) -> dict[str, Any]:
        """The role must exist in that kind of organization."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        organization = data.get("organization") or getattr(self.instance, "organization", None)
        check_role(organization, data.get("role"))
        return data
