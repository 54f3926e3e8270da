"""Reads of the audit trail."""

from __future__ import annotations

from django.db.models import QuerySet

from hashinsight.audit.models import Entry
from hashinsight.core.scope import Scope


def entries(scope: Scope) -> QuerySet[Entry]:
    """The trail in view, newest first: the host's, or the organization's own part of it."""
    rows = Entry.objects.filter(host_id=scope.host_id)
    if scope.organization_id is not None:
        rows = rows.filter(organization_id=scope.organization_id)
    return rows.order_by("-id")
