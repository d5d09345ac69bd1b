from __future__ import annotations

import pytest

from accounts.models import AuditLog, Org, User
from services.models import Service
from tests.services.conftest import SignedIn
from tests.support.factories import make_org, make_service

URL = "/services/new"
ENTERED = {
    "name": "checkout-api",
    "description": "Takes the money",
    "repo_url": "https://github.com/acme/checkout-api",
    "retention_days": "14",
}


def test_makes_a_service_with_production_and_staging(client_for: SignedIn, developer: User, org: Org) -> None:
    response = client_for(developer).post(URL, ENTERED)
    service = Service.objects.for_org(org).get()
    assert response["Location"] == f"/services/{service.pk}"
    assert (service.name, service.retention_days, service.created_by) == ("checkout-api", 14, developer)
    assert service.repo_url == "https://github.com/acme/checkout-api"
    assert sorted(each.name for each in service.environments.all()) == ["production", "staging"]


def test_writes_who_made_it(client_for: SignedIn, developer: User, org: Org) -> None:
    client_for(developer).post(URL, ENTERED)
    row = AuditLog.objects.for_org(org).get(action="service.created")
    assert row.actor_user == developer
    assert row.resource_id == str(Service.objects.get().pk)
    assert row.meta_json == {"name": "checkout-api", "retention_days": 14, "environments": ["production", "staging"]}


def test_what_is_left_empty_is_null(client_for: SignedIn, developer: User) -> None:
    client_for(developer).post(URL, {"name": "api", "retention_days": "7"})
    service = Service.objects.get()
    assert (service.description, service.repo_url) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": " \t "}, "This field is required"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "api\x1b[31m"}, "characters that cannot be shown"),
        ({"repo_url": "javascript:alert(1)"}, "Enter a valid URL"),
        ({"repo_url": "ftp://example.com/x"}, "Enter a valid URL"),
        ({"retention_days": "0"}, "A whole number from 1 to 365"),
        ({"retention_days": "366"}, "A whole number from 1 to 365"),
        ({"retention_days": "soon"}, "A whole number from 1 to 365"),
    ],
)
def test_bad_input_is_said_and_kept(client_for: SignedIn, developer: User, wrong: dict[str, str], words: str) -> None:
    page = client_for(developer).post(URL, {**ENTERED, **wrong}).content.decode()
    assert page.count(words) == 2  # at the top, and beside the field
    assert "Takes the money" in page
    assert not Service.objects.exists()


def test_a_name_is_unique_in_the_organisation(client_for: SignedIn, developer: User, org: Org) -> None:
    make_service(org, "checkout-api")
    page = client_for(developer).post(URL, ENTERED).content.decode()
    assert "The organisation has a service of this name already." in page
    assert Service.objects.count() == 1
    assert not AuditLog.objects.filter(action="service.created").exists()


def test_another_organisation_may_have_the_name(client_for: SignedIn, developer: User, org: Org) -> None:
    make_service(make_org("Other"), "checkout-api")
    client_for(developer).post(URL, ENTERED)
    assert Service.objects.for_org(org).count() == 1


def test_white_space_in_a_name_is_one_space(client_for: SignedIn, developer: User) -> None:
    client_for(developer).post(URL, {**ENTERED, "name": "  checkout \n api "})
    assert Service.objects.get().name == "checkout api"


def test_a_viewer_may_not(client_for: SignedIn, viewer: User) -> None:
    client = client_for(viewer)
    assert client.get(URL).status_code == 403
    assert client.post(URL, ENTERED).status_code == 403
    assert not Service.objects.exists()


def test_other_methods_are_refused(client_for: SignedIn, developer: User) -> None:
    assert client_for(developer).put(URL).status_code == 405


def test_shows_the_form(client_for: SignedIn, developer: User) -> None:
    assert 'name="retention_days" value="7"' in client_for(developer).get(URL).content.decode()
