"""The outbox: jobs that were promised inside a transaction."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """One promised task. It is sent at least once, so tasks are written to be repeatable."""

    task = models.CharField(_("task"), max_length=200)
    queue = models.CharField(_("queue"), max_length=50, default="default")
    arguments = models.JSONField(_("arguments"), default=dict)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        indexes = [
            models.Index(fields=["id"], name="core_job_unsent", condition=Q(sent_at__isnull=True)),
            BrinIndex(fields=["created_at"], name="core_job_created"),
        ]

    def __str__(self) -> str:
        return f"{self.task} #{self.pk}"
