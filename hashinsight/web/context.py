"""What every portal template may use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from hashinsight.web.access import scope_on


def portal(request: HttpRequest) -> dict[str, Any]:
    """Site name, whether this is the demo, and the caller's scope."""
    return {"site_name": settings.SITE_NAME, "is_demo": settings.IS_DEMO, "scope": scope_on(request)}
