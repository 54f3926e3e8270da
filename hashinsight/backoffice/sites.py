"""The admin site's addresses, with what its theme needs and nothing more.

The theme ships standard Alpine, which evaluates expressions (``unsafe-eval``), and writes its colours as
an inline style sheet. Only answers below ``/backoffice/`` get these two exceptions; the portal keeps the
strict policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allauth.account.decorators import secure_admin_login
from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin
from django.urls import URLPattern, URLResolver

THEME_POLICY = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}


def backoffice_urls() -> tuple[Sequence[URLPattern | URLResolver], str, str]:
    """The admin's addresses for the root urls: signed in through the portal, under the theme's policy."""
    site = admin.site
    site.login = secure_admin_login(site.login)  # type: ignore[method-assign]
    patterns, app_name, namespace = site.urls
    _allow_theme(patterns)
    return patterns, app_name, namespace


def _allow_theme(patterns: Sequence[Any]) -> None:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            _allow_theme(pattern.url_patterns)
        else:
            pattern.callback = csp_update(THEME_POLICY)(pattern.callback)
