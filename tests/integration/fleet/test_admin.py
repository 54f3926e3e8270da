"""The fleet, people and trail in the back office: what each role reaches, and that saves are recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from hashinsight.accounts.choices import OrganizationKind, Role
from hashinsight.accounts.models import Membership, Organization, User
from hashinsight.accounts.services import add_member
from hashinsight.audit.models import Entry
from hashinsight.core.models import Job
from hosting.fleet.models import Miner, MinerModel, Rack, Site, SiteAssignment, Slot, Zone
from tests.support.cast import PASSWORD, Cast, make_user
from tests.support.factories import make_miner, make_rack_of_miners

ClientFor = Callable[..., Any]
OURS = (User, Organization, Membership, Entry, Site, Zone, Rack, Slot, MinerModel, SiteAssignment, Miner)


def url(model: type[Any], verb: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{verb}", args=args)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_add_and_change_page_works_for_the_owner(
    cast: Cast, client_for: ClientFor, model: type[Any]
) -> None:
    make_rack_of_miners(cast.site, 2, cast.customer_a)
    client = client_for(cast.owner)
    assert client.get(url(model, "changelist"), {"q": "a"}).status_code == 200
    assert client.get(url(model, "changelist")).status_code == 200
    locked = model in {Entry, MinerModel}
    assert client.get(url(model, "add")).status_code == (403 if locked else 200)
    if model not in {Entry, MinerModel}:
        mine = {User: cast.operator, Organization: cast.customer_a}.get(model)
        row = mine or model.objects.exclude(pk__in=_strangers(cast, model)).first()
        assert client.get(url(model, "change", row.pk)).status_code == 200


def _strangers(cast: Cast, model: type[Any]) -> list[Any]:
    names = {field.name for field in model._meta.get_fields()}
    if model is Membership:
        return list(Membership.objects.filter(user=cast.stranger).values_list("pk", flat=True))
    return list(model.objects.filter(host=cast.host2).values_list("pk", flat=True)) if "host" in names else []


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_host_sees_nothing_of_another(cast: Cast, client_for: ClientFor, model: type[Any]) -> None:
    make_rack_of_miners(cast.stranger_site, 2)
    client = client_for(cast.owner)
    text = client.get(url(model, "changelist")).content.decode()
    for secret in ("stranger@example.test", "Stranger Hosting", "stranger-hosting", ">Far<"):
        assert secret not in text
    if model is Miner:
        assert not any(miner.mac in text for miner in Miner.objects.all())
    for row in model.objects.filter(pk__in=_strangers(cast, model))[:1]:
        assert (
            client.get(url(model, "change", row.pk)).status_code == 302
        )  # “does not exist”, back to the list


@pytest.mark.parametrize("who", ["client_a", "partner", "guest"])
def test_who_is_not_staff_does_not_get_in(cast: Cast, client_for: ClientFor, who: str) -> None:
    client = client_for(getattr(cast, who))
    for page in (reverse("admin:index"), url(Miner, "changelist"), url(User, "changelist")):
        assert client.get(page).status_code in {302, 403}


def test_the_operator_looks_at_his_site_and_changes_nothing(cast: Cast, client_for: ClientFor) -> None:
    own, other = make_miner(cast.site), make_miner(cast.other_site)
    client = client_for(cast.operator)
    text = client.get(url(Miner, "changelist")).content.decode()
    assert own.mac in text
    assert other.mac not in text
    assert client.get(url(Miner, "add")).status_code == 403
    assert client.post(url(Miner, "change", own.pk), {"worker": "x"}).status_code == 403
    assert client.get(url(User, "changelist")).status_code == 403
    assert client.get(url(Entry, "changelist")).status_code == 403


def miner_form(miner: Miner, **changes: object) -> dict[str, object]:
    names = ("site", "slot", "organization", "model")
    values: dict[str, object] = {name: getattr(miner, f"{name}_id") or "" for name in names}
    plain = ("mac", "serial", "address", "port", "http_port", "dialect", "worker", "desired_state")
    return {**values, **{name: getattr(miner, name) for name in plain}, **changes}


def test_a_saved_miner_is_recorded_and_read_again(cast: Cast, client_for: ClientFor) -> None:
    miner = make_miner(cast.site, cast.customer_a)
    client = client_for(cast.owner)
    form = miner_form(miner, mac="28-E2-97-AA-BB-CC", address="10.1.200.1", organization=cast.customer_b.pk)
    assert client.post(url(Miner, "change", miner.pk), form).status_code == 302
    before = miner.mac
    miner.refresh_from_db()
    assert (miner.mac, miner.organization) == ("28:e2:97:aa:bb:cc", cast.customer_b)
    entry = Entry.objects.get(action="miner.change")
    assert (entry.actor_id, entry.host_id, entry.target_id) == (cast.owner.pk, cast.host.pk, miner.public_id)
    assert entry.before is not None
    assert entry.before == {
        "mac": before,
        "organization": cast.customer_a.pk,
        "address": entry.before["address"],
    }
    assert entry.after == {
        "mac": "28:e2:97:aa:bb:cc",
        "organization": cast.customer_b.pk,
        "address": "10.1.200.1",
    }
    assert Job.objects.get().arguments == {"site_id": cast.site.pk}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"address": "10.9.0.1"}, "lies outside the site"),
        ({"mac": "nonsense"}, "Write it as aa:bb:cc:dd:ee:ff."),
        ({"mac": "taken"}, "Another miner has this MAC."),
        ({"organization": "stranger"}, "Select a valid choice"),
        ({"site": "stranger"}, "Select a valid choice"),
    ],
)
def test_a_bad_miner_is_refused_in_the_form(
    cast: Cast, client_for: ClientFor, change: dict[str, object], message: str
) -> None:
    miner, other = make_miner(cast.site), make_miner(cast.other_site)
    values = {
        ("mac", "taken"): other.mac,
        ("organization", "stranger"): cast.host2.pk,
        ("site", "stranger"): cast.stranger_site.pk,
    }
    changes = {key: values.get((key, str(value)), value) for key, value in change.items()}
    page = client_for(cast.owner).post(url(Miner, "change", miner.pk), miner_form(miner, **changes))
    assert page.status_code == 200
    assert message in page.content.decode()
    assert not Entry.objects.filter(action="miner.change").exists()


def test_actions_call_the_service(cast: Cast, client_for: ClientFor) -> None:
    miners = make_rack_of_miners(cast.site, 2, cast.customer_a)
    data = {"action": "retire", "_selected_action": [miner.pk for miner in miners]}
    assert client_for(cast.admin).post(url(Miner, "changelist"), data).status_code == 302
    assert {(m.desired_state, m.slot_id) for m in Miner.objects.all()} == {("retired", None)}
    assert Entry.objects.filter(action="miner.desired_state", actor_id=cast.admin.pk).count() == 2
    stranger = {"action": "retire", "_selected_action": [make_miner(cast.stranger_site).pk]}
    client_for(cast.admin).post(url(Miner, "changelist"), stranger)
    assert Miner.objects.filter(site=cast.stranger_site, desired_state="mining").count() == 1


def test_a_new_site_belongs_to_the_callers_host(cast: Cast, client_for: ClientFor) -> None:
    form = {
        "name": "East",
        "slug": "east",
        "timezone": "UTC",
        "address_ranges": "10.3.0.0/16",
        "is_polled": "on",
    }
    assert client_for(cast.owner).post(url(Site, "add"), form).status_code == 302
    assert Site.objects.get(slug="east").host == cast.host
    assert Entry.objects.filter(action="site.create", after__slug="east").exists()
    again = client_for(cast.owner).post(url(Site, "add"), form)
    assert "already exists" in again.content.decode()


def test_a_new_person_is_a_member_at_once_and_can_sign_in(cast: Cast, client_for: ClientFor) -> None:
    form = {
        "email": "new@example.test",
        "name": "New",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "usable_password": "true",
        "organization": cast.customer_a.pk,
        "role": "client",
    }
    bad = client_for(cast.owner).post(url(User, "add"), {**form, "role": "owner"})
    assert "has these roles" in bad.content.decode()
    strange = client_for(cast.owner).post(url(User, "add"), {**form, "organization": cast.host2.pk})
    assert strange.status_code == 200
    assert not User.objects.filter(email="new@example.test").exists()
    assert client_for(cast.owner).post(url(User, "add"), form).status_code == 302
    user = User.objects.get(email="new@example.test")
    assert user.check_password(PASSWORD)
    assert Membership.objects.get(user=user).organization == cast.customer_a
    assert set(Entry.objects.filter(actor_id=cast.owner.pk).values_list("action", flat=True)) >= {
        "user.create",
        "member.add",
    }


def test_no_host_takes_over_a_superuser_or_a_person_of_another_host(
    cast: Cast, client_for: ClientFor
) -> None:
    chief = User.objects.create_superuser("chief@example.test", PASSWORD)
    shared = make_user("shared@example.test", "Shared")
    for organization in (cast.host, cast.host2):
        add_member(actor=None, user=shared, organization=organization, role=Role.USER)
    add_member(actor=None, user=chief, organization=cast.host, role=Role.ADMIN)
    client = client_for(cast.owner)
    for user in (chief, shared):
        page = reverse("admin:auth_user_password_change", args=[user.pk])
        form = {"password1": "taken over 12345", "password2": "taken over 12345", "usable_password": "true"}
        assert client.post(page, form).status_code == 403
        assert client.post(url(User, "change", user.pk), {"email": "x@example.test"}).status_code == 403
        user.refresh_from_db()
        assert user.check_password(PASSWORD)


def test_a_password_change_is_recorded_without_the_password(cast: Cast, client_for: ClientFor) -> None:
    page = reverse("admin:auth_user_password_change", args=[cast.operator.pk])
    form = {"password1": "another long phrase", "password2": "another long phrase", "usable_password": "true"}
    assert client_for(cast.owner).post(page, form).status_code == 302
    cast.operator.refresh_from_db()
    assert cast.operator.check_password("another long phrase")
    entry = Entry.objects.get(action="user.password")
    assert (entry.before, entry.after, entry.target_id) == (None, None, str(cast.operator.pk))


def test_nobody_becomes_superuser_through_the_form(cast: Cast, client_for: ClientFor) -> None:
    form = {
        "email": cast.operator.email,
        "name": "Op",
        "is_active": "on",
        "is_superuser": "on",
        "is_staff": "on",
    }
    assert client_for(cast.owner).post(url(User, "change", cast.operator.pk), form).status_code == 302
    cast.operator.refresh_from_db()
    assert (cast.operator.name, cast.operator.is_superuser) == ("Op", False)


def test_memberships_are_changed_and_ended_by_services(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.owner)
    member = Membership.objects.get(user=cast.operator)
    assert client.post(url(Membership, "change", member.pk), {"role": "admin"}).status_code == 302
    assert Entry.objects.filter(action="member.add", after__role="admin").exists()
    assert client.post(url(Membership, "delete", member.pk), {"post": "yes"}).status_code == 302
    cast.operator.refresh_from_db()
    assert not cast.operator.is_staff
    assert not cast.operator.groups.exists()
    assert Entry.objects.filter(action="member.remove").exists()


def test_a_new_customer_belongs_to_the_callers_host(cast: Cast, client_for: ClientFor) -> None:
    form = {"kind": "customer", "name": "Customer C", "slug": "customer-c"}
    assert client_for(cast.owner).post(url(Organization, "add"), form).status_code == 302
    assert Organization.objects.get(slug="customer-c").host == cast.host
    host = {"kind": OrganizationKind.HOST, "name": "Evil", "slug": "evil"}
    assert client_for(cast.owner).post(url(Organization, "add"), host).status_code == 200
    assert not Organization.objects.filter(slug="evil").exists()


@pytest.mark.parametrize(
    "model", [Miner, Slot, Rack, Site, User, Membership], ids=lambda model: model.__name__
)
def test_lists_cost_the_same_number_of_queries_whatever_their_length(
    cast: Cast, client_for: ClientFor, model: type[Any]
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = client_for(cast.owner)
    client.get(url(model, "changelist"))
    counts: list[int] = []
    seen: list[list[str]] = []
    for _round in range(2):
        make_rack_of_miners(cast.site, 4, cast.customer_a)
        for number in range(3):
            user = make_user(f"more{_round}{number}@example.test", "More")
            add_member(actor=None, user=user, organization=cast.host, role=Role.USER)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(url(model, "changelist")).status_code == 200
        counts.append(len(captured))
        seen.append([query["sql"][:200] for query in captured.captured_queries])
    assert counts[0] == counts[1], seen
    assert counts[0] <= 25


def test_superusers_alone_see_the_outbox_and_change_the_catalogue(cast: Cast, client_for: ClientFor) -> None:
    chief = User.objects.create_superuser("chief@example.test", PASSWORD)
    assert client_for(chief).get(url(Job, "changelist")).status_code == 200
    assert client_for(chief).get(url(MinerModel, "add")).status_code == 200
    assert client_for(cast.owner).get(url(Job, "changelist")).status_code == 403
    assert admin.site.is_registered(Job)
