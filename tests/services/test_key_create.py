from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.models import AuditLog, User
from services.keys import hash_key
from services.models import ApiKey, Environment, Service
from tests.services.conftest import SignedIn
from tests.services.stored import everything_in_the_database
from tests.support.factories import make_service

BOTH = ["logs", "deployments"]


@pytest.fixture
def url(service: Service) -> str:
    return f"/services/{service.pk}/keys/new"


@pytest.fixture
def entered(production: Environment) -> dict[str, Any]:
    return {"environment": str(production.pk), "label": "web servers", "rate_per_minute": "500", "scopes": BOTH}


def test_makes_a_key_and_shows_it_on_the_next_page(
    client_for: SignedIn, developer: User, production: Environment, url: str, entered: dict[str, Any]
) -> None:
    response = client_for(developer).post(url, entered, follow=True)
    plain = re.search(r'<code id="key">(pol_[0-9a-f]{64})</code>', response.content.decode())
    assert plain
    key = ApiKey.objects.get()
    assert (key.org, key.service, key.environment) == (production.service.org, production.service, production)
    assert (key.label, key.rate_per_minute, key.created_by) == ("web servers", 500, developer)
    assert (key.key_hash, key.last_four) == (hash_key(plain[1]), plain[1][-4:])
    assert key.revoked_at is None


def test_the_key_stands_in_no_address_and_no_table(
    client_for: SignedIn, developer: User, url: str, entered: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    client = client_for(developer)
    response = client.post(url, entered)
    plain = client.cookies["fresh_api_key"].value
    assert plain.startswith("pol_")
    assert plain not in response["Location"]
    client.get(response["Location"])
    assert plain not in everything_in_the_database()
    assert plain not in caplog.text


def test_writes_who_made_it(client_for: SignedIn, developer: User, url: str, entered: dict[str, Any]) -> None:
    client_for(developer).post(url, entered)
    row, key = AuditLog.objects.get(action="api_key.created"), ApiKey.objects.get()
    assert (row.actor_user, row.resource_id) == (developer, str(key.pk))
    assert row.meta_json == {
        "label": "web servers",
        "last_four": key.last_four,
        "service": "api",
        "environment": "production",
        "rate_per_minute": 500,
        "scopes": BOTH,
    }


def test_label_and_rate_may_be_left_out(
    client_for: SignedIn, developer: User, url: str, production: Environment
) -> None:
    client_for(developer).post(url, {"environment": str(production.pk), "scopes": BOTH})
    key = ApiKey.objects.get()
    assert (key.label, key.rate_per_minute) == ("", None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rate_per_minute": "0"}, "greater than or equal to 1"),
        ({"rate_per_minute": "99999999999"}, "less than or equal to 10000000"),
        ({"label": "x" * 101}, "at most 100 characters"),
        ({"environment": "nonsense"}, "is not a valid UUID"),
        ({"environment": ""}, "This field is required"),
    ],
)
def test_bad_input_is_said(
    client_for: SignedIn, developer: User, url: str, entered: dict[str, Any], wrong: dict[str, str], words: str
) -> None:
    response = client_for(developer).post(url, {**entered, **wrong})
    assert words in response.content.decode()
    assert not ApiKey.objects.exists()


def test_an_environment_of_another_service_is_not_a_choice(
    client_for: SignedIn, developer: User, url: str, service: Service
) -> None:
    foreign = make_service(service.org, "web").environments.get(name="production")
    assert "Select a valid choice" in client_for(developer).post(url, {"environment": foreign.pk}).content.decode()
    assert not ApiKey.objects.exists()


def test_the_address_may_choose_the_environment(
    client_for: SignedIn, developer: User, service: Service, url: str
) -> None:
    staging = service.environments.get(name="staging")
    page = client_for(developer).get(url, {"environment": staging.pk}).content.decode()
    assert f'<option value="{staging.pk}" selected>' in page


def test_nonsense_in_the_address_chooses_nothing(client_for: SignedIn, developer: User, url: str) -> None:
    assert client_for(developer).get(url, {"environment": "\x00x"}).status_code == 200


def test_without_environments_it_leads_to_adding_one(
    client_for: SignedIn, developer: User, service: Service, url: str
) -> None:
    service.environments.all().delete()
    assert f"/services/{service.pk}/environments/new" in client_for(developer).get(url).content.decode()


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, url: str, entered: dict[str, Any]) -> None:
    assert client_for(viewer).post(url, entered).status_code == 403
    assert not ApiKey.objects.exists()


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, url: str, entered: dict[str, Any]) -> None:
    assert client_for(outsider).post(url, entered).status_code == 404


def test_other_methods_are_refused(client_for: SignedIn, developer: User, url: str) -> None:
    assert client_for(developer).put(url).status_code == 405
