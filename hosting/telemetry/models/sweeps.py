"""One pass over a shard of a site, and who holds the shard."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Sweep(models.Model):
    """What one pass did: planned = good + missed; ``deferred`` were not due; ``misses`` counts by cause.

    ``stored`` counts the samples that were new to the pass that finished the slot.
    """

    pk = models.CompositePrimaryKey("site_id", "shard", "slot_at")
    site_id = models.IntegerField()
    shard = models.SmallIntegerField(_("shard"))
    slot_at = models.DateTimeField(_("slot"))
    host_id = models.IntegerField()
    epoch = models.BigIntegerField(_("epoch"))
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    planned = models.IntegerField(_("planned"))
    good = models.IntegerField(_("read"), default=0)
    missed = models.IntegerField(_("missed"), default=0)
    deferred = models.IntegerField(_("deferred"), default=0)
    stored = models.IntegerField(_("rows stored"), default=0)
    requests = models.IntegerField(_("requests"), default=0)
    repaired = models.IntegerField(_("repaired replies"), default=0)
    misses = models.JSONField(_("misses by cause"), default=dict)
    cpu_s = models.FloatField(_("collector CPU (s)"), null=True)

    class Meta:
        db_table = "telemetry_sweep"
        verbose_name = _("sweep")
        verbose_name_plural = _("sweeps")
        indexes = [models.Index(fields=["site_id", "-slot_at"], name="telemetry_sweep_recent")]

    def __str__(self) -> str:
        return f"{self.site_id}/{self.shard} {self.slot_at}"


class ShardLease(models.Model):
    """Who sweeps a shard. The epoch rises with each new holder; a write under an old epoch is refused."""

    pk = models.CompositePrimaryKey("site_id", "shard")
    site_id = models.IntegerField()
    shard = models.SmallIntegerField(_("shard"))
    host_id = models.IntegerField()
    holder = models.CharField(_("holder"), max_length=120, blank=True)
    epoch = models.BigIntegerField(_("epoch"), default=0)
    expires_at = models.DateTimeField(_("expires"), null=True)
    slot_at = models.DateTimeField(_("last slot taken"), null=True)

    class Meta:
        db_table = "telemetry_lease"
        verbose_name = _("shard lease")
        verbose_name_plural = _("shard leases")

    def __str__(self) -> str:
        return f"{self.site_id}/{self.shard}"
