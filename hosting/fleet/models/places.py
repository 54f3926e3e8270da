"""Site > zone > rack > slot."""

from __future__ import annotations

import ipaddress
import zoneinfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hashinsight.core.ids import new_public_id


def validate_timezone(value: str) -> None:
    """Refuse a name that is not in the IANA time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(value)s” is not an IANA time zone such as Europe/Oslo."), params={"value": value}
        )


def validate_network(value: str) -> None:
    """Refuse what is not an IPv4 network such as 10.1.0.0/16."""
    try:
        ipaddress.IPv4Network(value)
    except ValueError:
        raise ValidationError(
            _("“%(value)s” is not an IPv4 network such as 10.1.0.0/16."), params={"value": value}
        ) from None


class Site(models.Model):
    """A place with power and machines."""

    public_id = models.CharField(_("id"), max_length=12, unique=True, default=new_public_id, editable=False)
    host = models.ForeignKey("accounts.Organization", verbose_name=_("host"), on_delete=models.PROTECT)
    name = models.CharField(_("name"), max_length=80)
    slug = models.SlugField(_("short name"), max_length=40)
    timezone = models.CharField(_("time zone"), max_length=60, default="UTC", validators=[validate_timezone])
    capacity_w = models.PositiveBigIntegerField(_("capacity (W)"), null=True, blank=True)
    address_ranges = ArrayField(
        models.CharField(max_length=18, validators=[validate_network]),
        verbose_name=_("address ranges"),
        default=list,
        help_text=_("IPv4 networks in which this site's miners live. A miner outside of them is refused."),
    )
    is_polled = models.BooleanField(_("read by the collector"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["host", "slug"], name="fleet_site_slug")]

    def __str__(self) -> str:
        return self.name


class Zone(models.Model):
    """A building or container of a site."""

    host = models.ForeignKey("accounts.Organization", verbose_name=_("host"), on_delete=models.PROTECT)
    site = models.ForeignKey(Site, verbose_name=_("site"), on_delete=models.PROTECT, related_name="zones")
    name = models.CharField(_("name"), max_length=40)

    class Meta:
        verbose_name = _("zone")
        verbose_name_plural = _("zones")
        ordering = ["site", "name"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="fleet_zone_name")]

    def __str__(self) -> str:
        return self.name


class Rack(models.Model):
    """A rack: a grid of slots."""

    host = models.ForeignKey("accounts.Organization", verbose_name=_("host"), on_delete=models.PROTECT)
    site = models.ForeignKey(Site, verbose_name=_("site"), on_delete=models.PROTECT, related_name="racks")
    zone = models.ForeignKey(Zone, verbose_name=_("zone"), on_delete=models.PROTECT, related_name="racks")
    name = models.CharField(_("name"), max_length=40)

    class Meta:
        verbose_name = _("rack")
        verbose_name_plural = _("racks")
        ordering = ["zone", "name"]
        constraints = [models.UniqueConstraint(fields=["zone", "name"], name="fleet_rack_name")]

    def __str__(self) -> str:
        return self.name


class Slot(models.Model):
    """One place for one miner in a rack; rows and positions count from 1, top left."""

    host = models.ForeignKey("accounts.Organization", verbose_name=_("host"), on_delete=models.PROTECT)
    site = models.ForeignKey(Site, verbose_name=_("site"), on_delete=models.PROTECT, related_name="slots")
    rack = models.ForeignKey(Rack, verbose_name=_("rack"), on_delete=models.PROTECT, related_name="slots")
    row = models.PositiveSmallIntegerField(
        _("row"), validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    position = models.PositiveSmallIntegerField(
        _("position"), validators=[MinValueValidator(1), MaxValueValidator(100)]
    )

    class Meta:
        verbose_name = _("slot")
        verbose_name_plural = _("slots")
        ordering = ["rack", "row", "position"]
        constraints = [
            models.UniqueConstraint(fields=["rack", "row", "position"], name="fleet_slot_place"),
            models.CheckConstraint(
                name="fleet_slot_bounds",
                condition=Q(row__gte=1, row__lte=100, position__gte=1, position__lte=100),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rack.name}-{self.row}-{self.position}"


class SiteAssignment(models.Model):
    """A member of staff with the role “user” sees the sites assigned here. Outside row-level security."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="site_assignments",
    )
    site = models.ForeignKey(
        Site, verbose_name=_("site"), on_delete=models.CASCADE, related_name="assignments"
    )

    class Meta:
        verbose_name = _("site assignment")
        verbose_name_plural = _("site assignments")
        constraints = [models.UniqueConstraint(fields=["user", "site"], name="fleet_assignment_once")]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.site_id}"
