"""One reading of one miner. The table is partitioned by UTC day and made by SQL (see the migration)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.telemetry.choices import Mode, PowerSource


class Sample(models.Model):
    """One row a miner and scheduled slot. NULL is “unknown”, never 0."""

    pk = models.CompositePrimaryKey("site_id", "miner_id", "slot_at")
    slot_at = models.DateTimeField(_("slot"))
    sampled_at = models.DateTimeField(_("read at"))
    host_id = models.IntegerField()
    site_id = models.IntegerField()
    organization_id = models.IntegerField()
    miner_id = models.IntegerField()
    hashrate_ths = models.FloatField(_("hashrate, long window (TH/s)"), null=True)
    hashrate_short_ths = models.FloatField(_("hashrate, short window (TH/s)"), null=True)
    power_w = models.IntegerField(_("power (W)"), null=True)
    temp_chip_max_c = models.FloatField(_("hottest chip (°C)"), null=True)
    temp_board_max_c = models.FloatField(_("hottest board (°C)"), null=True)
    temp_inlet_c = models.FloatField(_("inlet (°C)"), null=True)
    rtt_ms = models.FloatField(_("time to answer (ms)"), null=True)
    accepted = models.BigIntegerField(_("accepted shares"), null=True)
    rejected = models.BigIntegerField(_("rejected shares"), null=True)
    stale = models.BigIntegerField(_("stale shares"), null=True)
    hw_errors = models.BigIntegerField(_("hardware errors"), null=True)
    uptime_s = models.IntegerField(_("uptime (s)"), null=True)
    repairs = models.IntegerField(_("repairs"), default=0)
    fan_min_rpm = models.SmallIntegerField(_("slowest fan (rpm)"), null=True)
    fan_max_rpm = models.SmallIntegerField(_("fastest fan (rpm)"), null=True)
    boards_hashing = models.SmallIntegerField(_("boards hashing"), null=True)
    pool_index = models.SmallIntegerField(_("active pool"), null=True)
    mode = models.SmallIntegerField(_("mode"), choices=Mode.choices)
    power_source = models.SmallIntegerField(_("power from"), choices=PowerSource.choices)

    class Meta:
        managed = False
        db_table = "telemetry_sample"
        verbose_name = _("sample")
        verbose_name_plural = _("samples")

    def __str__(self) -> str:
        return f"{self.miner_id} @ {self.slot_at}"
