"""Enumerations of telemetry with their words; the numbers are in ``domain.codes``."""

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _

from hosting.telemetry.domain import codes


class Mode(IntegerChoices):
    """What a miner was seen doing."""

    UNKNOWN = codes.Mode.UNKNOWN, _("unknown")
    MINING = codes.Mode.MINING, _("mining")
    SLEEPING = codes.Mode.SLEEPING, _("asleep")
    STARTING = codes.Mode.STARTING, _("starting")
    ERROR = codes.Mode.ERROR, _("error")


class PowerSource(IntegerChoices):
    """Where a power figure comes from, best first."""

    NONE = codes.PowerSource.NONE, _("no data")
    MEASURED = codes.PowerSource.MEASURED, _("measured in the miner")
    PSU = codes.PowerSource.PSU, _("power supply")
    FIRMWARE = codes.PowerSource.FIRMWARE, _("firmware's estimate")
    MODEL = codes.PowerSource.MODEL, _("nameplate estimate")


class MissCause(IntegerChoices):
    """Why a miner gave no sample."""

    REFUSED = codes.MissCause.REFUSED, _("connection refused")
    TIMEOUT = codes.MissCause.TIMEOUT, _("no answer in time")
    RESET = codes.MissCause.RESET, _("connection reset")
    EMPTY = codes.MissCause.EMPTY, _("closed without an answer")
    TRUNCATED = codes.MissCause.TRUNCATED, _("answer cut short")
    UNDECODABLE = codes.MissCause.UNDECODABLE, _("answer not readable")
    DENIED = codes.MissCause.DENIED, _("access denied")
    BACKEND_DOWN = codes.MissCause.BACKEND_DOWN, _("mining software not running")
    WRONG_PROTOCOL = codes.MissCause.WRONG_PROTOCOL, _("another service answers")
    FOREIGN = codes.MissCause.FOREIGN, _("another machine answers")


class Identity(IntegerChoices):
    """Whether the machine that answers is known to be the one in the inventory."""

    UNVERIFIED = codes.Identity.UNVERIFIED, _("not yet checked")
    CONFIRMED = codes.Identity.CONFIRMED, _("confirmed")
    MOVED = codes.Identity.MOVED, _("answers at another address")
    CONFLICT = codes.Identity.CONFLICT, _("another machine answers here")


class ClaimState(TextChoices):
    """Life of an address claim (another MAC was seen where a miner should be)."""

    OPEN = "open", _("open")
    CONFIRMED = "confirmed", _("confirmed")
    DISMISSED = "dismissed", _("dismissed")
    RESOLVED = "resolved", _("resolved by itself")
