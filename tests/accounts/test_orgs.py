from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditLog, Membership, Org, Role, User
from tests.support.factories import make_member, make_org, make_user


@pytest.mark.django_db
def test_signed_out_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/orgs")["location"] == "/login?next=/orgs"
    assert client.post("/orgs/switch")["location"] == "/login"
    assert client.post("/orgs/leave")["location"] == "/login"


@pytest.mark.django_db
def test_lists_ones_own_with_role(client_for: Callable[[User], Client], viewer: User, outsider: User) -> None:
    make_member(make_org("Second"), Role.ADMIN, user=viewer)
    page = client_for(viewer).get("/orgs").content.decode()
    assert "Acme" in page
    assert "Viewer" in page
    assert "Second" in page
    assert "Other" not in page


@pytest.mark.django_db
def test_no_assignee_is_a_choice_too(client_for: Callable[[User], Client]) -> None:
    assert "You are not in an organisation" in client_for(make_user()).get("/orgs").content.decode()


@pytest.mark.django_db
def test_makes_one_and_goes_there(client_for: Callable[[User], Client], viewer: User, org: Org) -> None:
    client = client_for(viewer)
    assert client.post("/orgs", {"name": "New one"})["location"] == "/"
    made = Org.objects.get(name="New one")
    assert Membership.objects.get(org=made, user=viewer).role == "admin"
    assert client.get("/orgs").context["org"] == made
    assert AuditLog.objects.get(org=made).action == "org.created"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\0b"])
def test_odd_names_are_refused(client_for: Callable[[User], Client], viewer: User, name: str) -> None:
    response = client_for(viewer).post("/orgs", {"name": name})
    assert response.status_code == 200
    assert response.context["form"].errors["name"]
    assert Org.objects.count() == 1


@pytest.mark.django_db
def test_switches_to_another_of_ones_own(client_for: Callable[[User], Client], viewer: User) -> None:
    second = make_org("Second")
    make_member(second, Role.VIEWER, user=viewer)
    client = client_for(viewer)
    assert client.post("/orgs/switch", {"org": str(second.pk), "next": "/orgs?x=1"})["location"] == "/orgs?x=1"
    assert client.get("/orgs").context["org"] == second


@pytest.mark.django_db
def test_switch_leads_nowhere_else(client_for: Callable[[User], Client], viewer: User, org: Org) -> None:
    response = client_for(viewer).post("/orgs/switch", {"org": str(org.pk), "next": "//evil.example/"})
    assert response["location"] == "/"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/orgs/switch", "/orgs/leave"])
def test_organisations_of_others_are_not_there(
    client_for: Callable[[User], Client], viewer: User, outsider: User, path: str
) -> None:
    client = client_for(viewer)
    for org_id in (str(Org.objects.get(name="Other").pk), str(uuid4()), "x", ""):
        assert client.post(path, {"org": org_id}).status_code == 404
    assert client.get("/orgs").context["org"].name == "Acme"


@pytest.mark.django_db
def test_other_methods_are_refused(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    assert client.delete("/orgs").status_code == 405
    assert client.get("/orgs/switch").status_code == 405
    assert client.get("/orgs/leave").status_code == 405


@pytest.mark.django_db
def test_leaving_takes_access_away(client_for: Callable[[User], Client], viewer: User, admin: User, org: Org) -> None:
    client = client_for(viewer)
    assert client.post("/orgs/leave", {"org": str(org.pk)})["location"] == "/orgs"
    assert not Membership.objects.filter(user=viewer).exists()
    assert client.get("/orgs/members")["location"] == "/orgs"
    row = AuditLog.objects.get()
    assert (row.action, row.org, row.actor_user) == ("member.left", org, viewer)


@pytest.mark.django_db
def test_the_last_admin_stays(
    client_for: Callable[[User], Client], viewer: User, admin: User, org: Org, audited: Callable[[], list[str]]
) -> None:
    client = client_for(admin)
    response = client.post("/orgs/leave", {"org": str(org.pk)}, follow=True)
    assert "You are the last admin of Acme" in response.content.decode()
    assert Membership.objects.filter(user=admin).exists()
    assert audited() == []
    make_member(org, Role.ADMIN)
    client.post("/orgs/leave", {"org": str(org.pk)})
    assert not Membership.objects.filter(user=admin).exists()


@pytest.mark.django_db
def test_a_deactivated_admin_does_not_count(client_for: Callable[[User], Client], admin: User, org: Org) -> None:
    make_member(org, Role.ADMIN, user=make_user(is_active=False))
    client_for(admin).post("/orgs/leave", {"org": str(org.pk)})
    assert Membership.objects.filter(user=admin).exists()
