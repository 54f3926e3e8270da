"""People, organizations and who belongs where. Outside row-level security: the scope is made from them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from hashinsight.accounts.choices import OrganizationKind, Role
from hashinsight.accounts.managers import UserManager
from hashinsight.core.ids import new_public_id


class User(AbstractBaseUser, PermissionsMixin):
    """A person who can sign in."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_staff = models.BooleanField(_("may use the back office"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [models.UniqueConstraint(Lower("email"), name="accounts_user_email_ci")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """The name, or the e-mail address when none is given."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """The part of the name before the first space."""
        return self.get_full_name().split(" ")[0]


class Organization(models.Model):
    """A host, or a customer or partner of a host."""

    public_id = models.CharField(_("id"), max_length=12, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=OrganizationKind.choices)
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("short name"), max_length=60)
    host = models.ForeignKey(
        "self",
        verbose_name=_("host"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="clients",
        limit_choices_to={"kind": OrganizationKind.HOST},
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="accounts_organization_host",
                condition=Q(kind="host", host__isnull=True) | Q(~Q(kind="host"), host__isnull=False),
            ),
            models.CheckConstraint(
                name="accounts_organization_not_own_host", condition=Q(host__isnull=True) | ~Q(host=F("id"))
            ),
            models.UniqueConstraint("host", "slug", name="accounts_organization_slug"),
            # NULLs differ from each other: hosts need a rule of their own.
            models.UniqueConstraint(
                fields=["slug"], condition=Q(host__isnull=True), name="accounts_organization_host_slug"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def host_pk(self) -> int:
        """The host that this organization belongs to: itself for a host."""
        return self.host_id or self.pk


class Membership(models.Model):
    """A person's role in an organization. The newest ``is_current`` one decides what the person sees."""

    user = models.ForeignKey(
        User, verbose_name=_("user"), on_delete=models.CASCADE, related_name="memberships"
    )
    organization = models.ForeignKey(
        Organization, verbose_name=_("organization"), on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    is_current = models.BooleanField(_("current"), default=True)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "organization"], name="accounts_membership_once"),
            models.UniqueConstraint(
                fields=["user"], condition=Q(is_current=True), name="accounts_membership_one_current"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.organization} · {self.get_role_display()}"
