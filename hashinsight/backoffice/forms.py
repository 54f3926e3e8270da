"""Form bases of the back office: people's passwords in the theme's dress, typed model forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from django.contrib.auth import forms as people
    from django.contrib.auth.forms import AdminPasswordChangeForm
    from django.forms import ModelForm

    UserChangeForm = people.UserChangeForm[Any]
    UserCreationForm = people.AdminUserCreationForm[Any]
else:
    from django import forms
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

    class ModelForm(forms.ModelForm):
        """Django's, which lets ``ModelForm[Site]`` be written for the type checker."""

        def __class_getitem__(cls, item):
            return cls


__all__ = ["AdminPasswordChangeForm", "ModelForm", "UserChangeForm", "UserCreationForm"]
