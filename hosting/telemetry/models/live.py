"""The live state: one row a miner, what was seen last and what the collector remembers of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.telemetry.choices import Identity, MissCause, Mode, PowerSource


class Live(models.Model):
    """Observed state. ``sampled_at`` is the last good reading, ``attempted_at`` the last try.

    Keyed by the miner of the inventory. Figures are those of the last good reading and keep their age;
    a miss changes only the attempt fields. What is remembered of the miner's *address* (which MAC
    answered there, with what uptime) carries the prefix ``address_``.
    """

    miner_id = models.IntegerField(primary_key=True)
    site_id = models.IntegerField()
    host_id = models.IntegerField()
    organization_id = models.IntegerField()
    # last try
    slot_at = models.DateTimeField(_("slot"), null=True)
    attempted_at = models.DateTimeField(_("last try"), null=True)
    miss_cause = models.SmallIntegerField(_("cause of the miss"), choices=MissCause.choices, null=True)
    misses = models.IntegerField(_("misses in a row"), default=0)
    next_due_at = models.DateTimeField(_("next try"), null=True)
    # last good reading
    sampled_at = models.DateTimeField(_("last seen"), null=True)
    mode = models.SmallIntegerField(_("mode"), choices=Mode.choices, default=Mode.UNKNOWN)
    hashrate_ths = models.FloatField(_("hashrate, long window (TH/s)"), null=True)
    hashrate_short_ths = models.FloatField(_("hashrate, short window (TH/s)"), null=True)
    hashrate_window_s = models.IntegerField(_("long window (s)"), null=True)
    hashrate_nominal_ths = models.FloatField(_("nominal hashrate (TH/s)"), null=True)
    power_w = models.IntegerField(_("power (W)"), null=True)
    power_source = models.SmallIntegerField(
        _("power from"), choices=PowerSource.choices, default=PowerSource.NONE
    )
    temp_chip_max_c = models.FloatField(_("hottest chip (°C)"), null=True)
    temp_board_max_c = models.FloatField(_("hottest board (°C)"), null=True)
    temp_inlet_c = models.FloatField(_("inlet (°C)"), null=True)
    fan_min_rpm = models.SmallIntegerField(_("slowest fan (rpm)"), null=True)
    fan_max_rpm = models.SmallIntegerField(_("fastest fan (rpm)"), null=True)
    accepted = models.BigIntegerField(_("accepted shares"), null=True)
    rejected = models.BigIntegerField(_("rejected shares"), null=True)
    stale = models.BigIntegerField(_("stale shares"), null=True)
    hw_errors = models.BigIntegerField(_("hardware errors"), null=True)
    uptime_s = models.IntegerField(_("uptime (s)"), null=True)
    boards_hashing = models.SmallIntegerField(_("boards hashing"), null=True)
    boards_total = models.SmallIntegerField(_("boards"), null=True)
    fans_failed = models.SmallIntegerField(_("fans standing still"), null=True)
    pool_index = models.SmallIntegerField(_("active pool"), null=True)
    firmware = models.CharField(_("firmware"), max_length=120, blank=True)
    detail = models.JSONField(_("boards, fans, pools, errors"), default=dict)
    rtt_ms = models.FloatField(_("time to answer (ms)"), null=True)
    repairs = models.IntegerField(_("repairs"), default=0)
    # memory of the address
    joined_refused = models.BooleanField(_("refuses joined commands"), default=False)
    identity = models.SmallIntegerField(_("identity"), choices=Identity.choices, default=Identity.UNVERIFIED)
    control_held = models.BooleanField(_("control held"), default=False)
    address_key = models.CharField(_("address remembered"), max_length=24, blank=True)
    address_mac = models.CharField(_("MAC at the address"), max_length=17, blank=True)
    address_checked_at = models.DateTimeField(_("identity checked"), null=True)
    address_uptime_s = models.IntegerField(_("uptime at the address (s)"), null=True)
    address_seen_at = models.DateTimeField(_("address last answered"), null=True)

    class Meta:
        db_table = "telemetry_live"
        verbose_name = _("live state")
        verbose_name_plural = _("live states")
        indexes = [models.Index(fields=["site_id", "organization_id"], name="telemetry_live_site")]

    def __str__(self) -> str:
        return str(self.miner_id)
