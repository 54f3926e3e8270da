"""The audit trail. Plain ids, no foreign keys: an entry outlives what it speaks of."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Entry(models.Model):
    """One act: who did what to which thing, when, from where. Written once, never changed."""

    at = models.DateTimeField(_("at"), auto_now_add=True)
    host_id = models.BigIntegerField(_("host"), null=True)
    organization_id = models.BigIntegerField(_("organization"), null=True)
    actor_id = models.BigIntegerField(_("actor"), null=True)
    actor_name = models.CharField(_("actor's name"), max_length=150)
    action = models.CharField(_("action"), max_length=60)
    target_type = models.CharField(_("kind of thing"), max_length=60)
    target_id = models.CharField(_("thing"), max_length=60)
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"), null=True)
    request_id = models.CharField(_("request"), max_length=32, blank=True)
    address = models.GenericIPAddressField(_("from address"), null=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-id"]
        indexes = [models.Index(fields=["host_id", "-id"], name="audit_entry_host")]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"
