"""Enumerations of the fleet."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class DesiredState(TextChoices):
    """What the operator wants of a miner. What it does is observed by telemetry; the two are never mixed."""

    MINING = "mining", _("mining")
    SLEEPING = "sleeping", _("asleep")
    MAINTENANCE = "maintenance", _("in maintenance")
    RETIRED = "retired", _("retired")


class Dialect(TextChoices):
    """How a miner speaks: the names of hashinsight.integrations.miners.dialects."""

    ANTMINER = "antminer", "Antminer"
    WHATSMINER_V2 = "whatsminer_v2", "Whatsminer v2"
    AVALON = "avalon", "Avalon"
    CGMINER = "cgminer", "cgminer"
