from __future__ import annotations

import pytest

from accounts.models import AuditLog, User
from services.models import ApiKey, Environment, Service
from tests.services.conftest import SignedIn


def test_deletes_a_service_whose_name_was_typed(
    client_for: SignedIn, developer: User, service: Service, key: ApiKey
) -> None:
    response = client_for(developer).post(f"/services/{service.pk}/delete", {"typed_name": "api"})
    assert response["Location"] == "/services"
    assert not Service.objects.exists()
    assert not Environment.objects.exists()
    assert not ApiKey.objects.exists()
    row = AuditLog.objects.get(action="service.deleted")
    assert (row.actor_user, row.resource_id) == (developer, str(service.pk))
    assert row.meta_json == {"name": "api", "environments": ["production", "staging"]}


@pytest.mark.parametrize("typed", ["", "API", "ap"])
def test_another_name_deletes_nothing(client_for: SignedIn, developer: User, service: Service, typed: str) -> None:
    page = client_for(developer).post(f"/services/{service.pk}/delete", {"typed_name": typed})
    assert page.status_code == 200
    assert "form-errors" in page.content.decode()
    assert Service.objects.exists()


def test_says_what_goes(client_for: SignedIn, developer: User, service: Service, key: ApiKey) -> None:
    page = client_for(developer).get(f"/services/{service.pk}/delete").content.decode()
    assert "the environments production, staging" in page
    assert "1 API key: requests with it are refused" in page
    assert "logs, deployments and incidents" in page
    assert "alert rules" in page


def test_the_browser_checks_the_typed_name_too(client_for: SignedIn, developer: User, service: Service) -> None:
    Service.objects.update(name="api (v2.0)")
    page = client_for(developer).get(f"/services/{service.pk}/delete").content.decode()
    assert r'pattern="api \(v2\.0\)"' in page


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, service: Service) -> None:
    assert client_for(viewer).post(f"/services/{service.pk}/delete", {"typed_name": "api"}).status_code == 403
    assert Service.objects.exists()


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, service: Service) -> None:
    assert client_for(outsider).post(f"/services/{service.pk}/delete", {"typed_name": "api"}).status_code == 404
    assert Service.objects.filter(pk=service.pk).exists()


def test_other_methods_are_refused(client_for: SignedIn, developer: User, service: Service) -> None:
    assert client_for(developer).delete(f"/services/{service.pk}/delete").status_code == 405
