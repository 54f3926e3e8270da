"""The standing cast of the tests: who is who.

Host one has two sites, two customers and a partner; host two is a stranger with a site and people of its
own, so that every test can ask what a stranger sees.
"""

from __future__ import annotations

from dataclasses import dataclass

from hashinsight.accounts.choices import OrganizationKind, Role
from hashinsight.accounts.models import Organization, User
from hashinsight.accounts.selectors import scope_of
from hashinsight.accounts.services import add_member, create_organization
from hashinsight.core.scope import Scope
from hosting.fleet.models import Site
from hosting.fleet.services.places import assign_site, create_site

PASSWORD = "twelve loud fans hum"


@dataclass(frozen=True)
class Cast:
    """Everybody and where they stand. ``operator`` has the role user and is assigned to ``site`` alone."""

    host: Organization
    host2: Organization
    customer_a: Organization
    customer_b: Organization
    partner_organization: Organization
    owner: User
    admin: User
    operator: User
    client_a: User
    client_b: User
    partner: User
    guest: User
    stranger: User  # owner of host2
    site: Site
    other_site: Site
    stranger_site: Site

    def scope(self, who: str) -> Scope:
        """The scope of one of the cast, by field name: ``cast.scope("operator")``."""
        scope = scope_of(getattr(self, who))
        assert scope is not None
        return scope


def make_user(email: str, name: str) -> User:
    """A person with the password PASSWORD."""
    return User.objects.create_user(email, PASSWORD, name=name)


def build() -> Cast:
    """Make the cast by the services that the application itself uses."""
    kind = OrganizationKind
    host = create_organization(actor=None, kind=kind.HOST, name="Northern Hosting")
    host2 = create_organization(actor=None, kind=kind.HOST, name="Stranger Hosting")
    customer_a = create_organization(actor=None, kind=kind.CUSTOMER, name="Customer A", host=host)
    customer_b = create_organization(actor=None, kind=kind.CUSTOMER, name="Customer B", host=host)
    partner_organization = create_organization(actor=None, kind=kind.PARTNER, name="Partner", host=host)
    places = {
        "owner": (host, Role.OWNER),
        "admin": (host, Role.ADMIN),
        "operator": (host, Role.USER),
        "client_a": (customer_a, Role.CLIENT),
        "client_b": (customer_b, Role.CLIENT),
        "partner": (partner_organization, Role.CLIENT),
        "guest": (host, Role.GUEST),
        "stranger": (host2, Role.OWNER),
    }
    people = {}
    for key, (organization, role) in places.items():
        people[key] = make_user(f"{key}@example.test", key.replace("_", " ").title())
        add_member(actor=None, user=people[key], organization=organization, role=role)
    owner_scope, stranger_scope = scope_of(people["owner"]), scope_of(people["stranger"])
    assert owner_scope is not None
    assert stranger_scope is not None
    site = create_site(
        actor=people["owner"],
        scope=owner_scope,
        name="North",
        slug="north",
        timezone="Europe/Oslo",
        capacity_w=5_000_000,
        address_ranges=["10.1.0.0/16"],
    )
    other_site = create_site(
        actor=people["owner"], scope=owner_scope, name="South", slug="south", address_ranges=["10.2.0.0/16"]
    )
    stranger_site = create_site(
        actor=people["stranger"], scope=stranger_scope, name="Far", slug="far", address_ranges=["10.1.0.0/16"]
    )
    assign_site(actor=people["owner"], scope=owner_scope, user=people["operator"], site=site)
    return Cast(
        host=host,
        host2=host2,
        customer_a=customer_a,
        customer_b=customer_b,
        partner_organization=partner_organization,
        site=site,
        other_site=other_site,
        stranger_site=stranger_site,
        **people,
    )
