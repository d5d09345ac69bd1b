from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditLog
from services.models import ApiKey, RateBucket
from tests.support.factories import make_user
from tests.support.sign_in import signed_in


@pytest.fixture
def client(db: None) -> Client:
    return signed_in(make_user(is_superuser=True))


@pytest.mark.parametrize("model", ["service", "environment", "apikey", "ratebucket"])
def test_every_table_is_listed_and_searchable(client: Client, key: ApiKey, model: str) -> None:
    RateBucket.objects.create(api_key=key, window_start=timezone.now(), count=1)
    response = client.get(f"/admin/services/{model}/", {"q": "api"})
    assert response.status_code == 200
    assert "0 results" not in response.content.decode()


def test_a_key_shows_no_hash(client: Client, key: ApiKey) -> None:
    page = client.get(f"/admin/services/apikey/{key.pk}/change/").content.decode()
    assert key.last_four in page
    assert key.key_hash not in page


def test_a_service_and_an_environment_open(client: Client, key: ApiKey) -> None:
    assert client.get(f"/admin/services/service/{key.service_id}/change/").status_code == 200
    assert client.get(f"/admin/services/environment/{key.environment_id}/change/").status_code == 200


def test_no_one_makes_a_key_here(client: Client) -> None:
    assert client.get("/admin/services/apikey/add/").status_code == 403


def test_a_service_that_is_used_can_be_deleted(client: Client, key: ApiKey) -> None:
    response = client.post(f"/admin/services/service/{key.service_id}/delete/", {"post": "yes"})
    assert response.status_code == 302
    assert not ApiKey.objects.exists()


def test_a_change_stands_in_the_audit_log_of_the_organisation(client: Client, key: ApiKey) -> None:
    environment = key.environment
    fields = {"service": environment.service_id, "name": "canary"}
    response = client.post(f"/admin/services/environment/{environment.pk}/change/", fields)
    assert response.status_code == 302
    row = AuditLog.objects.for_org(key.org).get(action="admin.changed")
    assert (row.resource_type, row.resource_id) == ("environment", str(environment.pk))
