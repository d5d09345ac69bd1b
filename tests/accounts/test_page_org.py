"""A page is about one organisation for as long as it is open, whatever another tab switches to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Membership, Org, Role, Session, User
from services.models import Service
from tests.support.factories import make_member, make_org, make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(developer: User) -> Org:
    """Another organisation of the developer's, who is a viewer there."""
    org = make_org("Second")
    make_member(org, Role.VIEWER, user=developer)
    return org


@pytest.fixture
def client(client_for: Callable[[User], Client], developer: User, second: Org) -> Client:
    """The developer, who has switched to the second organisation in another tab."""
    client = client_for(developer)
    client.get(f"/dashboard?org={second.pk}")
    return client


def form(org: Org, **more: str) -> dict[str, str]:
    return {"page_org": str(org.pk), "name": "payments", "retention_days": "7", **more}


def test_every_form_of_a_member_names_its_organisation(
    client_for: Callable[[User], Client], developer: User, org: Org
) -> None:
    page = client_for(developer).get("/services/new").text
    assert page.count("csrfmiddlewaretoken") == page.count(f'name="page_org" value="{org.pk}"')
    assert f'data-org="{org.pk}"' in page


def test_forms_of_people_without_an_organisation_name_none(client: Client) -> None:
    assert "page_org" not in Client().get("/login").text


def test_a_form_counts_for_the_organisation_of_its_page(client: Client, org: Org, second: Org) -> None:
    response = client.post("/services/new", form(org))
    service = Service.objects.get(name="payments")
    assert service.org == org
    assert client.get(response["location"]).status_code == 200  # the page after it is of the same organisation
    assert Session.objects.get().active_org == org


def test_a_form_with_mistakes_comes_back_with_what_was_typed(client: Client, org: Org, second: Org) -> None:
    response = client.post("/services/new", form(org, name="payments", retention_days="never"))
    assert response.context["form"].errors
    assert 'value="payments"' in response.text
    assert response.context["org"] == org


def test_the_role_is_that_in_the_organisation_of_the_page(client: Client, org: Org, second: Org) -> None:
    client.get(f"/dashboard?org={org.pk}")
    assert client.post("/services/new", form(second)).status_code == 403
    assert not Service.objects.exists()


@pytest.mark.parametrize("said", ["{other}", "x", "00000000-0000-0000-0000-000000000000"])
def test_a_page_of_an_organisation_that_one_is_not_in_changes_nothing(
    client: Client, outsider: User, second: Org, said: str
) -> None:
    said = said.format(other=outsider.memberships.get().org_id)
    response = client.post("/services/new", {**form(second), "page_org": said})
    assert response.status_code == 403
    assert "an organisation that you are not a member of. Nothing was changed." in response.text
    assert Service.objects.filter(name="payments").count() == 0
    assert Session.objects.get().active_org == second


def test_a_removed_member_does_not_act_in_another_organisation(
    client: Client, developer: User, org: Org, second: Org
) -> None:
    Membership.objects.filter(user=developer, org=second).update(role=Role.DEVELOPER)
    Membership.objects.filter(user=developer, org=org).delete()
    assert client.post("/services/new", form(org)).status_code == 403
    assert not Service.objects.exists()


def test_a_part_that_a_page_asks_for_is_of_its_organisation_and_switches_nothing(
    client: Client, org: Org, second: Org
) -> None:
    make_service(org, "payments")
    make_service(second, "letters")
    page = client.get("/dashboard", headers={"X-Page-Org": str(org.pk), "HX-Request": "true"}).text
    assert "payments" in page
    assert "letters" not in page
    assert Session.objects.get().active_org == second


def test_a_form_without_its_token_switches_nothing(client: Client, org: Org, second: Org) -> None:
    client.handler.enforce_csrf_checks = True
    assert client.post("/services/new", form(org)).status_code == 403
    assert Session.objects.get().active_org == second
