"""Fills an empty installation with the demo host. Uses the services that people use; safe to repeat."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from hashinsight.accounts.choices import OrganizationKind, Role
from hashinsight.accounts.models import Organization, User
from hashinsight.accounts.selectors import scope_of
from hashinsight.accounts.services import add_member, create_organization
from hashinsight.core.scope import Scope, open_scope
from hosting.fleet.models import Miner, Site
from hosting.fleet.services import imports, places
from hosting.simulator.fleet import CSV_HEADER, Fleet, SimMiner, SimSite

HOST_SLUG: Final = "demo-host"
DOMAIN: Final = "demo.example"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One way in, printed at the start. ``sees`` is for the newcomer's eyes."""

    email: str
    role: str
    sees: str


SIGN_INS: Final = (
    SignIn(f"owner@{DOMAIN}", Role.OWNER, "everything"),
    SignIn(f"admin@{DOMAIN}", Role.ADMIN, "everything, may not change owners"),
    SignIn(f"operator@{DOMAIN}", Role.USER, "the first site"),
    SignIn(f"customer@{DOMAIN}", Role.CLIENT, "the first customer's machines"),
    SignIn(f"partner@{DOMAIN}", Role.CLIENT, "nothing until something is granted"),
    SignIn(f"guest@{DOMAIN}", Role.GUEST, "nothing until something is shared"),
)


class SeedError(Exception):
    """The demo data could not be made: a defect, with the first problem named."""


def seed(fleet: Fleet, password: str) -> bool:
    """Make the demo host from ``fleet``; False when it exists already (then only ports are followed)."""
    host = Organization.objects.filter(slug=HOST_SLUG, kind=OrganizationKind.HOST).first()
    if host is not None:
        follow_ports(fleet, host)
        return False
    with transaction.atomic():
        host = create_organization(actor=None, kind=OrganizationKind.HOST, name="Demo Host", slug=HOST_SLUG)
        customers = [
            create_organization(
                actor=None, kind=OrganizationKind.CUSTOMER, name=customer.name, host=host, slug=customer.slug
            )
            for customer in fleet.customers
        ]
        partner = create_organization(
            actor=None, kind=OrganizationKind.PARTNER, name="Grid Partner", host=host
        )
        homes = {
            f"customer@{DOMAIN}": customers[0] if customers else partner,
            f"partner@{DOMAIN}": partner,
        }
        hashed = make_password(password)
        people = {
            sign_in.email: _person(sign_in, homes.get(sign_in.email, host), hashed) for sign_in in SIGN_INS
        }
    owner = people[f"owner@{DOMAIN}"]
    scope = scope_of(owner)
    if scope is None:
        raise SeedError("the owner has no scope")
    with open_scope(scope):
        sites = [_site(owner, scope, site, fleet) for site in fleet.sites]
        places.assign_site(actor=owner, scope=scope, user=people[f"operator@{DOMAIN}"], site=sites[0])
    return True


def _person(sign_in: SignIn, home: Organization, hashed: str) -> User:
    name = sign_in.email.partition("@")[0].capitalize()
    user = User.objects.create_user(sign_in.email, None, name=name)
    user.password = hashed
    user.save(update_fields=["password"])
    add_member(actor=None, user=user, organization=home, role=sign_in.role)
    return user


def _site(owner: User, scope: Scope, site: SimSite, fleet: Fleet) -> Site:
    made = places.create_site(
        actor=owner,
        scope=scope,
        name=site.name,
        slug=site.slug,
        timezone=site.timezone,
        capacity_w=site.capacity_kw * 1000,
        address_ranges=[site.network],
    )
    report = imports.import_miners(
        actor=owner, scope=scope, site=made, content=_csv(fleet, site.slug), source="demo fleet"
    )
    if not report.is_clean:
        raise SeedError(f"{site.name}: {report.problems[0]}")
    return made


def _csv(fleet: Fleet, site: str) -> bytes:
    """The site's miners in the import format, with the web port, which the demo may have moved up."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*CSV_HEADER, "http_port"])
    for miner in fleet.miners:
        if miner.site == site:
            values = {**{key: getattr(miner, key) for key in CSV_HEADER}, "desired_state": _wish(miner)}
            writer.writerow([*("" if v is None else v for v in values.values()), miner.http_port])
    return out.getvalue().encode()


def _wish(miner: SimMiner) -> str:
    """Most machines that sleep are meant to; every eighth does so against the plan, to be found."""
    asleep = miner.behaviour.get("mode") == "sleeping"
    return "sleeping" if asleep and miner.index % 8 else miner.desired_state


def follow_ports(fleet: Fleet, host: Organization) -> int:
    """Move the inventory to this start's ports; returns how many miners changed."""
    ports = {miner.mac: (miner.port, miner.http_port) for miner in fleet.miners}
    sample = Miner.objects.filter(host=host, mac__in=list(ports)[:50]).values_list("mac", "port", "http_port")
    if all(ports[mac] == (port, http_port) for mac, port, http_port in sample):
        return 0
    macs = list(ports)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE fleet_miner m SET port = n.port, http_port = n.http_port FROM"
            " unnest(%s::text[], %s::int[], %s::int[]) AS n (mac, port, http_port)"
            " WHERE m.host_id = %s AND m.mac = n.mac AND (m.port, m.http_port) <> (n.port, n.http_port)",
            [macs, [ports[mac][0] for mac in macs], [ports[mac][1] for mac in macs], host.pk],
        )
        return int(cursor.rowcount)
