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
    patterns, app_name, namespace = admin.site.urls
    _wrap(patterns)
    return patterns, app_name, namespace


def _wrap(patterns: Sequence[Any]) -> None:
    """Each view behind the portal's sign-in (403 for all but staff), under the theme's policy."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            _wrap(pattern.url_patterns)
        else:
            pattern.callback = csp_update(THEME_POLICY)(secure_admin_login(pattern.callback))
