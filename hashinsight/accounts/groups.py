"""Django groups from roles: what each role may do in the back office.

Set after every ``migrate``, so the code is the source. Names are ``app.verb_model``; ``*`` stands for every
verb or every model. Apps above are named by text, never imported. Nobody deletes machines, sites or
people: they are retired or deactivated.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

from hashinsight.accounts.choices import Role

_VIEW: Final = ("fleet.view_*", "telemetry.view_*")
_MANAGE: Final = (
    *_VIEW,
    "fleet.add_*",
    "fleet.change_*",
    "fleet.delete_zone",
    "fleet.delete_rack",
    "fleet.delete_slot",
    "fleet.delete_siteassignment",
    "accounts.view_*",
    "accounts.add_*",
    "accounts.change_*",
    "accounts.delete_membership",
    "audit.view_entry",
)
# The catalogue of models is shared by all hosts: only superusers change it.
NOT_FOR_HOSTS: Final = frozenset({"fleet.add_minermodel", "fleet.change_minermodel"})
GROUP_PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    Role.OWNER: _MANAGE,
    Role.ADMIN: _MANAGE,
    Role.USER: _VIEW,
    Role.CLIENT: (),
    Role.GUEST: (),
}


def allowed(role: str, name: str) -> bool:
    """Whether the group of ``role`` holds the Django permission ``app.codename``."""
    if name in NOT_FOR_HOSTS:
        return False
    return any(fnmatchcase(name, pattern) for pattern in GROUP_PERMISSIONS[role])


def apply(**signal: Any) -> None:
    """Make the groups and set their permissions (receiver of ``post_migrate``). Safe to repeat."""
    if signal.get("using", "default") != "default":
        return
    for config in apps.get_app_configs():
        create_permissions(config, verbosity=0)
    known = list(Permission.objects.select_related("content_type"))
    for role in Role.values:
        group, _created = Group.objects.get_or_create(name=role)
        group.permissions.set(
            one for one in known if allowed(role, f"{one.content_type.app_label}.{one.codename}")
        )
