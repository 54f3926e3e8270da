"""Enumerations of accounts."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OrganizationKind(TextChoices):
    """What an organization is to the installation."""

    HOST = "host", _("host")
    CUSTOMER = "customer", _("customer")
    PARTNER = "partner", _("partner")


class Role(TextChoices):
    """What a member is in an organization. Each role is also a Django group of the same name."""

    OWNER = "owner", _("owner")
    ADMIN = "admin", _("admin")
    USER = "user", _("user")
    CLIENT = "client", _("client")
    GUEST = "guest", _("guest")
