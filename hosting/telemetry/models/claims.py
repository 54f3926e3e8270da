"""Address claims: another machine answered where a miner should be."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hashinsight.core.ids import new_public_id
from hosting.telemetry.choices import ClaimState


class AddressClaim(models.Model):
    """At the address of ``miner_id`` answers the MAC ``mac_seen``, known as ``found_miner_id`` or unknown.

    With ``found_miner_id`` equal to ``miner_id`` it is a proposal: a lost miner was found at ``address``.
    """

    public_id = models.CharField(_("id"), max_length=12, unique=True, default=new_public_id, editable=False)
    host_id = models.IntegerField()
    site_id = models.IntegerField()
    organization_id = models.IntegerField()
    miner_id = models.IntegerField(_("miner at the address"))
    address = models.GenericIPAddressField(_("address"))
    port = models.PositiveIntegerField(_("port"))
    mac_seen = models.CharField(_("MAC seen"), max_length=17)
    found_miner_id = models.IntegerField(_("miner with this MAC"), null=True)
    state = models.CharField(_("state"), max_length=10, choices=ClaimState.choices, default=ClaimState.OPEN)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta:
        db_table = "telemetry_claim"
        verbose_name = _("address claim")
        verbose_name_plural = _("address claims")
        constraints = [
            models.UniqueConstraint(
                fields=["site_id", "miner_id", "mac_seen"],
                condition=Q(state="open"),
                name="telemetry_claim_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.mac_seen}"
