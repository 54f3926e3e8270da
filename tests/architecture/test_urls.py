"""Every address x every role: who gets what. An address that is not in the table fails the test.

To add a page: put its route (as Django prints it) into TABLE with the statuses of the columns ROLES. Things
in an address are those of ``cast.site``: the operator works there, client A has a machine there, client B
and the stranger have nothing to do with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.urls import URLPattern, get_resolver, reverse

from hashinsight.accounts.choices import Role
from hashinsight.accounts.groups import allowed
from hosting.fleet.models import Miner
from tests.support.cast import Cast
from tests.support.database import forget_cache
from tests.support.factories import make_miner

ClientFor = Callable[..., Any]
ROLES = ("anonymous", "owner", "operator", "client_a", "client_b", "partner", "guest", "stranger")


@dataclass(frozen=True)
class Row:
    """An address (a format string over ``site`` and ``miner``), and a status for each of ROLES."""

    address: str
    statuses: tuple[int, ...]
    method: str = "get"


def staff(status: int = 200, stranger: int = 404) -> tuple[int, ...]:
    """For the host's staff; strangers of another host do not find it."""
    return (302, status, status, 403, 403, 403, 403, stranger)


def everybody(status: int = 200, anonymous: int = 302) -> tuple[int, ...]:
    """The same for all who are signed in."""
    return (anonymous, *[status] * (len(ROLES) - 1))


# Things of client A at the site: found by the host's staff and by himself alone; guests may not ask.
OWN = (302, 200, 200, 200, 404, 404, 403, 404)

TABLE: dict[str, Row] = {
    "": Row("/", everybody()),
    "sites/<slug:public_id>/": Row("/sites/{site}/", OWN),
    "sites/<slug:public_id>/heatmap.json": Row("/sites/{site}/heatmap.json", OWN),
    "sites/<slug:public_id>/miners/": Row("/sites/{site}/miners/", OWN),
    r"^sites/(?P<public_id>[-\w]+)/claims/(?P<claim_id>[-\w]+)/(?P<decision>confirm|dismiss)/$": Row(
        "/sites/{site}/claims/none/confirm/", staff(302), "post"
    ),
    "miners/": Row("/miners/", (302, 200, 200, 200, 200, 200, 403, 200)),
    "miners/<slug:public_id>/": Row("/miners/{miner}/", OWN),
    "miners/<slug:public_id>/history.json": Row("/miners/{miner}/history.json", OWN),
    "fleet/import/": Row("/fleet/import/", staff(stranger=200)),
    "fleet/sites/<slug:site_id>/export.csv": Row("/fleet/sites/{site}/export.csv", staff()),
    # signing in and out, one's own password and address
    "accounts/login/": Row("/accounts/login/", everybody(302, anonymous=200)),
    "accounts/logout/": Row("/accounts/logout/", everybody()),
    "accounts/inactive/": Row("/accounts/inactive/", everybody(anonymous=200)),
    "accounts/signup/": Row("/accounts/signup/", everybody(302, anonymous=200)),
    "accounts/reauthenticate/": Row("/accounts/reauthenticate/", everybody()),
    "accounts/email/": Row("/accounts/email/", everybody()),
    "accounts/confirm-email/": Row("/accounts/confirm-email/", everybody(anonymous=200)),
    r"accounts/^confirm-email/(?P<key>[-:\w]+)/$": Row(
        "/accounts/confirm-email/nonsense/", everybody(anonymous=200)
    ),
    "accounts/password/change/": Row("/accounts/password/change/", everybody()),
    "accounts/password/set/": Row("/accounts/password/set/", everybody(302)),
    "accounts/password/reset/": Row("/accounts/password/reset/", everybody(anonymous=200)),
    "accounts/password/reset/done/": Row("/accounts/password/reset/done/", everybody(anonymous=200)),
    "accounts/password/reset/key/done/": Row("/accounts/password/reset/key/done/", everybody(anonymous=200)),
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": Row(
        "/accounts/password/reset/key/1-nonsense/", everybody(anonymous=200)
    ),
    "accounts/login/code/confirm/": Row("/accounts/login/code/confirm/", everybody(302)),
}
# A stream that does not end: tests/integration/web/test_events.py asks it.
ELSEWHERE = {"events/"}
BACKOFFICE = "backoffice/"


def routes() -> Iterator[str]:
    """Every route of the installation, as Django prints it."""

    def walk(patterns: Any, prefix: str) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                yield prefix + str(pattern.pattern)
            else:
                yield from walk(pattern.url_patterns, prefix + str(pattern.pattern))

    yield from walk(get_resolver().url_patterns, "")


def test_every_address_is_in_the_table_and_the_table_holds_no_others() -> None:
    found = {route for route in routes() if not route.startswith(BACKOFFICE)}
    assert found - ELSEWHERE - set(TABLE) == set(), "new addresses: add them to TABLE"
    assert set(TABLE) - found == set(), "addresses that are gone: remove them from TABLE"
    for route, row in TABLE.items():
        assert len(row.statuses) == len(ROLES), route


@pytest.mark.parametrize("role", ROLES)
def test_the_matrix(cast: Cast, client_for: ClientFor, role: str) -> None:
    forget_cache()
    miner = make_miner(cast.site, cast.customer_a)
    user = None if role == "anonymous" else getattr(cast, role)
    column = ROLES.index(role)
    wrong = {}
    for route, row in TABLE.items():
        client = client_for(user, raise_request_exception=False)
        address = row.address.format(site=cast.site.public_id, miner=miner.public_id)
        status = getattr(client, row.method)(address).status_code
        if status != row.statuses[column]:
            wrong[route] = f"{status}, expected {row.statuses[column]}"
    assert wrong == {}


@pytest.mark.parametrize("role", ROLES)
def test_the_back_office_matrix(cast: Cast, client_for: ClientFor, role: str) -> None:
    """Lists and forms of every registered table by the permissions of the role's group."""
    django_role = {"owner": Role.OWNER, "stranger": Role.OWNER, "operator": Role.USER}.get(role)
    client = client_for(None if role == "anonymous" else getattr(cast, role), raise_request_exception=False)
    inside = django_role is not None
    assert (client.get(reverse("admin:index")).status_code == 200) is inside
    wrong = {}
    for model, model_admin in admin.site._registry.items():
        app, name = model._meta.app_label, model._meta.model_name
        read_only = not model_admin.has_add_permission.__qualname__.startswith(
            ("ModelAdmin", "BaseModelAdmin")
        )
        may = {
            "changelist": inside
            and any(allowed(str(django_role), f"{app}.{verb}_{name}") for verb in ("view", "change")),
            "add": inside and not read_only and allowed(str(django_role), f"{app}.add_{name}"),
        }
        for verb, expected in may.items():
            status = client.get(reverse(f"admin:{app}_{name}_{verb}")).status_code
            if status not in ({200} if expected else {302, 403}):
                wrong[f"{app}.{name} {verb}"] = status
    assert wrong == {}


def test_no_tables_of_other_apps_stand_in_the_back_office_by_accident() -> None:
    labels = {model._meta.app_label for model in admin.site._registry}
    assert labels <= {"accounts", "audit", "core", "fleet", "telemetry"}
    assert admin.site.is_registered(Miner)
