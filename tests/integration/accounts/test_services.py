"""People and organizations: who may be what, and what follows from it."""

from __future__ import annotations

import itertools

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from hashinsight.accounts import selectors, services
from hashinsight.accounts.choices import OrganizationKind, Role
from hashinsight.accounts.groups import GROUP_PERMISSIONS, allowed
from hashinsight.accounts.models import Membership, Organization, User
from hashinsight.accounts.permissions import ROLE_ACTIONS, ROLES_OF_KIND, actions_of
from hashinsight.audit.models import Entry
from hashinsight.core.errors import InvalidInputError, NotAllowedError
from hosting.fleet.services.places import assign_site, create_site
from tests.support.cast import PASSWORD, Cast, make_user


@pytest.mark.parametrize(("kind", "role"), list(itertools.product(OrganizationKind, Role)))
def test_roles_exist_only_where_they_belong(cast: Cast, kind: OrganizationKind, role: Role) -> None:
    organization = {"host": cast.host, "customer": cast.customer_a, "partner": cast.partner_organization}[
        kind
    ]
    user = make_user("new@example.test", "New")
    if role not in ROLES_OF_KIND[kind]:
        with pytest.raises(InvalidInputError, match="does not exist in a"):
            services.add_member(actor=cast.owner, user=user, organization=organization, role=role)
        assert not user.memberships.exists()
        return
    services.add_member(actor=cast.owner, user=user, organization=organization, role=role)
    user.refresh_from_db()
    staff = role in {Role.OWNER, Role.ADMIN, Role.USER}
    assert user.is_staff is staff
    assert [group.name for group in user.groups.all()] == [role]
    scope = selectors.scope_of(user)
    assert scope is not None
    assert (scope.host_id, scope.role, scope.actions) == (cast.host.pk, role, ROLE_ACTIONS[role])
    assert scope.organization_id == (None if staff else organization.pk)
    assert scope.site_ids == (frozenset() if role == Role.USER else None)
    assert Entry.objects.filter(action="member.add", actor_id=cast.owner.pk, after__role=role).count() == 1


def test_the_newest_membership_is_the_current_one_and_there_is_only_one(cast: Cast) -> None:
    services.add_member(actor=None, user=cast.operator, organization=cast.host2, role=Role.ADMIN)
    assert cast.scope("operator").host_id == cast.host2.pk
    assert Membership.objects.filter(user=cast.operator, is_current=True).count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.filter(user=cast.operator).update(is_current=True)


def test_an_ended_membership_falls_back_to_the_one_before(cast: Cast) -> None:
    new = services.add_member(actor=None, user=cast.client_a, organization=cast.host2, role=Role.OWNER)
    services.remove_member(actor=cast.stranger, membership=new)
    cast.client_a.refresh_from_db()
    assert cast.scope("client_a").organization_id == cast.customer_a.pk
    assert not cast.client_a.is_staff
    services.remove_member(actor=cast.owner, membership=Membership.objects.get(user=cast.client_a))
    assert selectors.scope_of(cast.client_a) is None
    assert not cast.client_a.groups.exists()


def test_who_is_inactive_or_belongs_nowhere_sees_nothing(cast: Cast) -> None:
    cast.owner.is_active = False
    assert selectors.scope_of(cast.owner) is None
    assert selectors.scope_of(make_user("new@example.test", "New")) is None


def test_hosts_and_their_clients(cast: Cast) -> None:
    with pytest.raises(InvalidInputError):
        services.create_organization(actor=None, kind=OrganizationKind.CUSTOMER, name="Loose")
    with pytest.raises(InvalidInputError):
        services.create_organization(actor=None, kind=OrganizationKind.HOST, name="Sub", host=cast.host)
    with pytest.raises(IntegrityError), transaction.atomic():
        Organization.objects.create(kind="customer", name="Loose", slug="loose")
    with pytest.raises(IntegrityError), transaction.atomic():
        services.create_organization(
            actor=None, kind=OrganizationKind.CUSTOMER, name="Twin", slug="customer-a", host=cast.host
        )
    other = services.create_organization(
        actor=None, kind=OrganizationKind.CUSTOMER, name="Twin", slug="customer-a", host=cast.host2
    )
    assert other.host_pk == cast.host2.pk


def test_an_address_is_somebodys_whatever_its_case(cast: Cast) -> None:
    with pytest.raises(InvalidInputError, match="exists"):
        services.create_person(
            actor=cast.owner, email="OWNER@Example.test", name="", password=PASSWORD, organization=cast.host,
            role="user",
        )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Owner@example.test")
    assert User.objects.get_by_natural_key("OWNER@example.TEST") == cast.owner


def test_selectors_show_the_own_host_or_the_own_organization(cast: Cast) -> None:
    owner, client = cast.scope("owner"), cast.scope("client_a")
    ours = {cast.host, cast.customer_a, cast.customer_b, cast.partner_organization}
    assert set(selectors.organizations(owner)) == ours
    assert set(selectors.organizations(client)) == {cast.customer_a}
    assert set(selectors.people(client)) == {cast.client_a}
    assert cast.stranger not in set(selectors.people(owner))
    assert not selectors.is_shared(owner, cast.operator)
    assert selectors.is_shared(owner, cast.stranger)


@pytest.mark.django_db
def test_groups_hold_what_the_table_says_and_nobody_deletes_history() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(Role.values) == set(GROUP_PERMISSIONS)
    owner = Group.objects.get(name=Role.OWNER)
    codes = set(owner.permissions.values_list("codename", flat=True))
    assert {"view_miner", "add_site", "change_user", "view_entry", "delete_slot"} <= codes
    forbidden = (
        "delete_miner",
        "delete_site",
        "delete_user",
        "delete_entry",
        "change_minermodel",
        "view_job",
    )
    assert not codes.intersection(forbidden)
    assert set(Group.objects.get(name=Role.CLIENT).permissions.all()) == set()
    assert not allowed(Role.USER, "fleet.change_miner")
    assert actions_of("nonsense") == frozenset()


@pytest.mark.parametrize("who", ["operator", "client_a", "guest"])
def test_only_who_sees_the_whole_host_makes_sites(cast: Cast, who: str) -> None:
    with pytest.raises(NotAllowedError):
        create_site(actor=None, scope=cast.scope(who), name="New")


def test_bad_sites_and_assignments_are_refused(cast: Cast) -> None:
    scope = cast.scope("owner")
    for bad in ({"timezone": "Mars/Base"}, {"address_ranges": ["10.1.0.1/16"]}, {"slug": "north"}):
        with pytest.raises(InvalidInputError):
            create_site(actor=None, scope=scope, name="New", **bad)
    with pytest.raises(NotAllowedError, match="another host"):
        assign_site(actor=None, scope=scope, user=cast.operator, site=cast.stranger_site)
    with pytest.raises(InvalidInputError, match="not a member"):
        assign_site(actor=None, scope=scope, user=cast.client_a, site=cast.site)
    assign_site(actor=None, scope=scope, user=cast.operator, site=cast.other_site)
    assert cast.scope("operator").site_ids == frozenset({cast.site.pk, cast.other_site.pk})
