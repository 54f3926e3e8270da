"""What the house did, in the back office: the audit trail and the outbox. To read, never to write."""

from __future__ import annotations

from django.contrib.admin import EmptyFieldListFilter

from hashinsight.audit.models import Entry
from hashinsight.backoffice.admin import ReadOnlyModelAdmin, register
from hashinsight.core.models import Job


@register(Entry)
class EntryAdmin(ReadOnlyModelAdmin[Entry]):
    """Who did what to which thing, when, from where."""

    list_display = ["at", "actor_name", "action", "target_type", "target_id", "address"]
    list_filter = ["action", "target_type"]
    search_fields = ["actor_name", "action", "target_id", "request_id"]
    date_hierarchy = "at"
    fields = [
        "at", "actor_name", "actor_id", "action", "target_type", "target_id", "before", "after", "address",
        "request_id",
    ]  # fmt: skip


@register(Job)
class JobAdmin(ReadOnlyModelAdmin[Job]):
    """The outbox (the core, where it lies, knows no back office). All hosts' jobs: for superusers only."""

    list_display = ["id", "task", "queue", "created_at", "sent_at", "attempts"]
    list_filter = ["queue", ("sent_at", EmptyFieldListFilter)]
    fields = ["task", "queue", "arguments", "created_at", "sent_at", "attempts"]
    ordering = ["-id"]
