"""Miners and their models."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hashinsight.core.ids import new_public_id
from hosting.fleet.choices import DesiredState, Dialect
from hosting.fleet.models.places import Site, Slot

MAC_PATTERN = r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$"


class MinerModel(models.Model):
    """A model as its maker sells it. Shared by all hosts."""

    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    maker = models.CharField(_("maker"), max_length=40)
    name = models.CharField(_("name"), max_length=80)
    dialect = models.CharField(_("dialect"), max_length=20, choices=Dialect.choices)
    nominal_ths = models.FloatField(_("nameplate hashrate (TH/s)"), validators=[MinValueValidator(0.001)])
    nominal_w = models.PositiveIntegerField(_("nameplate power (W)"), validators=[MinValueValidator(1)])

    class Meta:
        verbose_name = _("miner model")
        verbose_name_plural = _("miner models")
        ordering = ["maker", "name"]

    def __str__(self) -> str:
        return f"{self.maker} {self.name}"


class Miner(models.Model):
    """One machine in the inventory. Its identity is the MAC; where it stands and answers may change."""

    public_id = models.CharField(_("id"), max_length=12, unique=True, default=new_public_id, editable=False)
    host = models.ForeignKey(
        "accounts.Organization", verbose_name=_("host"), on_delete=models.PROTECT, related_name="+"
    )
    organization = models.ForeignKey(
        "accounts.Organization", verbose_name=_("owner"), on_delete=models.PROTECT, related_name="miners"
    )
    site = models.ForeignKey(Site, verbose_name=_("site"), on_delete=models.PROTECT, related_name="miners")
    slot = models.OneToOneField(
        Slot, verbose_name=_("slot"), on_delete=models.PROTECT, null=True, blank=True, related_name="miner"
    )
    model = models.ForeignKey(
        MinerModel, verbose_name=_("model"), on_delete=models.PROTECT, related_name="miners"
    )
    mac = models.CharField(
        _("MAC"), max_length=17, validators=[RegexValidator(MAC_PATTERN, _("Write it as aa:bb:cc:dd:ee:ff."))]
    )
    serial = models.CharField(_("serial number"), max_length=60, blank=True)
    address = models.GenericIPAddressField(_("address"), protocol="IPv4")
    port = models.PositiveIntegerField(
        _("port"), default=4028, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    http_port = models.PositiveIntegerField(
        _("web port"), default=80, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    dialect = models.CharField(_("dialect"), max_length=20, choices=Dialect.choices)
    worker = models.CharField(_("worker"), max_length=120, blank=True)
    desired_state = models.CharField(
        _("desired state"), max_length=12, choices=DesiredState.choices, default=DesiredState.MINING
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("miner")
        verbose_name_plural = _("miners")
        ordering = ["site", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["host", "mac"],
                name="fleet_miner_mac",
                violation_error_message=_("Another miner has this MAC."),
            ),
            models.UniqueConstraint(
                fields=["host", "serial"],
                condition=~Q(serial=""),
                name="fleet_miner_serial",
                violation_error_message=_("Another miner has this serial number."),
            ),
            models.UniqueConstraint(
                fields=["site", "address", "port"],
                condition=~Q(desired_state="retired"),
                name="fleet_miner_address",
                violation_error_message=_("Another miner has this address."),
            ),
            models.CheckConstraint(name="fleet_miner_mac_form", condition=Q(mac__regex=MAC_PATTERN)),
        ]
        indexes = [
            models.Index(fields=["site", "organization"], name="fleet_miner_site_org"),
            models.Index(fields=["organization"], name="fleet_miner_org"),
        ]

    def __str__(self) -> str:
        return self.serial or self.mac
