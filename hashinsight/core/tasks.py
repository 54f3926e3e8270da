"""Celery tasks of the core."""

from celery import shared_task

from hashinsight.core import jobs


@shared_task(ignore_result=True)
def send_outbox() -> None:
    """Send jobs whose process died between commit and send."""
    jobs.send_pending()
    jobs.forget_sent()
