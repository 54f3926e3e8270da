"""Jobs on commit: a task is written in the transaction that needs it and sent after the commit.

A crash between commit and send loses nothing: beat's ``send_outbox`` finds what was not sent.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import F
from kombu.exceptions import OperationalError

from hashinsight.core import clock
from hashinsight.core.models import Job

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=2)
KEEP_SENT = timedelta(days=1)
BATCH = 200


def promise(task: str, *, queue: str = "default", **arguments: Any) -> Job:
    """Write the job beside the caller's changes and send it once they are committed.

    ``arguments`` must be plain JSON. Needs an open transaction (raises otherwise), since a job that
    is not tied to a change should be called directly.
    """
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise RuntimeError("promise() belongs into the transaction that makes the change")
    job = Job.objects.create(task=task, queue=queue, arguments=arguments)
    transaction.on_commit(lambda: _send_now(job.pk))
    return job


def _send_now(job_id: int) -> None:
    try:
        send_pending(only=job_id)
    except OperationalError as error:
        log.warning("job %s waits in the outbox: queue not reachable (%s)", job_id, error)


def send_pending(*, only: int | None = None) -> int:
    """Send what is not yet sent; returns how many. Safe to run in parallel (SKIP LOCKED)."""
    with transaction.atomic():
        waiting = Job.objects.select_for_update(skip_locked=True).filter(sent_at__isnull=True)
        if only is None:
            waiting = waiting.filter(created_at__lt=clock.now() - GRACE)
        else:
            waiting = waiting.filter(pk=only)
        jobs = list(waiting.order_by("pk")[:BATCH])
        for job in jobs:
            current_app.send_task(job.task, kwargs=job.arguments, queue=job.queue, retry=False)
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(
            sent_at=clock.now(), attempts=F("attempts") + 1
        )
    return len(jobs)


def forget_sent() -> int:
    """Delete jobs that were sent more than a day ago; returns how many."""
    deleted, _ = Job.objects.filter(sent_at__lt=clock.now() - KEEP_SENT).delete()
    return deleted
