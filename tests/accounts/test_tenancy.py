from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client

from accounts.models import Membership, Org, Role, Session, User
from accounts.tenancy import org_admin, org_developer, org_member
from tests.support.factories import make_member, make_org, make_user

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/orgs/members?x=1"}


@pytest.mark.django_db
def test_without_an_organisation_pages_lead_to_making_one(client_for: Callable[[User], Client]) -> None:
    client = client_for(make_user())
    assert client.get("/orgs/members")["location"] == "/orgs"
    response = client.get("/orgs/members", headers=HTMX)
    assert (response.status_code, response["HX-Redirect"]) == (204, "/orgs")


@pytest.mark.django_db
def test_link_with_org_switches_and_drops_it(client_for: Callable[[User], Client], viewer: User) -> None:
    second = make_org("Second")
    make_member(second, Role.ADMIN, user=viewer)
    client = client_for(viewer)
    response = client.get(f"/orgs/members?a=1&org={second.pk}&b=%26")
    assert (response.status_code, response["location"]) == (302, "/orgs/members?a=1&b=%26")
    assert client.get("/orgs").context["org"] == second
    assert Session.objects.get().active_org == second


@pytest.mark.django_db
@pytest.mark.parametrize("asked", ["x", "", "00000000-0000-0000-0000-000000000000", "{other}"])
def test_link_with_an_org_of_others_changes_nothing(
    client_for: Callable[[User], Client], viewer: User, outsider: User, asked: str
) -> None:
    asked = asked.format(other=Org.objects.get(name="Other").pk)
    response = client_for(viewer).get(f"/orgs/members?org={asked}")
    assert response.status_code == 200
    assert response.context["org"].name == "Acme"
    assert "Other" not in response.content.decode()


@pytest.mark.django_db
def test_a_form_does_not_switch(client_for: Callable[[User], Client], viewer: User) -> None:
    second = make_org("Second")
    make_member(second, Role.ADMIN, user=viewer)
    client = client_for(viewer)
    client.post(f"/account?org={second.pk}", {"name": "x"})
    assert client.get("/orgs").context["org"].name == "Acme"


@pytest.mark.django_db
def test_a_forgotten_organisation_falls_back_to_another(client_for: Callable[[User], Client], viewer: User) -> None:
    second = make_org("Second")
    member = make_member(second, Role.ADMIN, user=viewer)
    client = client_for(viewer)
    client.get(f"/orgs?org={second.pk}")
    Membership.objects.filter(org=second, user=member).delete()
    assert Session.objects.get().active_org == second
    assert client.get("/orgs/members").context["org"].name == "Acme"
    Membership.objects.filter(user=member).delete()
    assert client.get("/orgs/members")["location"] == "/orgs"


@pytest.mark.django_db
def test_a_deactivated_user_is_out_at_once(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert client.get("/orgs")["location"] == "/login?next=/orgs"


@pytest.mark.django_db
def test_htmx_sends_the_whole_page_to_sign_in(client: Client) -> None:
    response = client.get("/orgs/members?row=3", headers=HTMX)
    assert (response.status_code, response["HX-Redirect"]) == (204, "/login?next=/orgs/members%3Fx%3D1")
    response = client.get("/orgs/members", headers={**HTMX, "HX-Current-URL": "https://evil.example/x"})
    assert response["HX-Redirect"] == "/login"


@pytest.mark.django_db
def test_a_form_comes_back_to_its_page(client: Client) -> None:
    response = client.post("/orgs/switch", headers={"referer": "http://testserver/orgs?a=1"})
    assert response["location"] == "/login?next=/orgs%3Fa%3D1"
    assert client.post("/orgs/switch", headers={"referer": "https://evil.example/"})["location"] == "/login"


@pytest.mark.django_db
def test_one_query_finds_the_organisation(
    client_for: Callable[[User], Client], viewer: User, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        make_member(make_org(f"Org {number}"), Role.VIEWER, user=viewer)
    client = client_for(viewer)
    client.get("/orgs")
    with django_assert_num_queries(1):  # the session with its user, their memberships and organisations
        client.get("/orgs")


@pytest.mark.django_db
def test_a_visit_is_noted_once_a_minute(
    client_for: Callable[[User], Client], viewer: User, django_assert_num_queries: Any
) -> None:
    client = client_for(viewer)
    Session.objects.update(last_seen_at=None)
    client.get("/orgs")
    seen = Session.objects.get().last_seen_at
    assert seen
    client.get("/orgs")
    assert Session.objects.get().last_seen_at == seen


@pytest.mark.parametrize(
    ("guard", "allowed"),
    [
        (org_member, {Role.VIEWER, Role.DEVELOPER, Role.ADMIN}),
        (org_developer, {Role.DEVELOPER, Role.ADMIN}),
        (org_admin, {Role.ADMIN}),
    ],
)
def test_guards(guard: Any, allowed: set[Role]) -> None:
    view = guard(lambda request: HttpResponse("in"))
    for role in Role:
        request: Any = HttpRequest()
        request.org, request.membership = Org(name="Acme"), Membership(role=role)
        if role in allowed:
            assert view(request).content == b"in"
        else:
            with pytest.raises(PermissionDenied):
                view(request)


@pytest.mark.django_db
def test_link_with_org_leads_to_no_other_host(client_for: Callable[[User], Client], org: Org, viewer: User) -> None:
    response = client_for(viewer).get("/", {"org": org.pk}, PATH_INFO="//evil.example/x")
    assert response["location"] == "/%2Fevil.example/x"


@pytest.mark.django_db
def test_no_one_keeps_pages_of_someone_signed_in(client_for: Callable[[User], Client], viewer: User) -> None:
    for path in ("/orgs/members", "/account/sessions", "/nothing-here"):
        assert client_for(viewer).get(path)["Cache-Control"] == "private, no-store", path


@pytest.mark.django_db
def test_public_pages_may_be_kept(client: Client) -> None:
    assert "Cache-Control" not in client.get("/robots.txt")
