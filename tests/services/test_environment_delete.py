from __future__ import annotations

import pytest

from accounts.models import AuditLog, User
from services.models import ApiKey, Environment
from tests.services.conftest import SignedIn


@pytest.fixture
def url(production: Environment) -> str:
    return f"/services/{production.service_id}/environments/{production.pk}/delete"


def test_deletes_an_environment_whose_name_was_typed(
    client_for: SignedIn, developer: User, production: Environment, key: ApiKey, url: str
) -> None:
    response = client_for(developer).post(url, {"typed_name": "production"})
    assert response["Location"] == f"/services/{production.service_id}"
    assert [each.name for each in Environment.objects.filter(service=production.service_id)] == ["staging"]
    assert not ApiKey.objects.exists()
    row = AuditLog.objects.get(action="environment.deleted")
    assert (row.actor_user, row.resource_id) == (developer, str(production.pk))


def test_another_name_deletes_nothing(client_for: SignedIn, developer: User, url: str) -> None:
    page = client_for(developer).post(url, {"typed_name": "staging"}).content.decode()
    assert "This is not its name." in page
    assert Environment.objects.count() == 2


def test_says_what_goes(client_for: SignedIn, developer: User, key: ApiKey, url: str) -> None:
    page = client_for(developer).get(url).content.decode()
    assert "1 API key: requests with it are refused" in page
    assert "all logs, deployments and incidents of production" in page


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, url: str) -> None:
    assert client_for(viewer).post(url, {"typed_name": "production"}).status_code == 403


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, url: str) -> None:
    assert client_for(outsider).post(url, {"typed_name": "production"}).status_code == 404


def test_other_methods_are_refused(client_for: SignedIn, developer: User, url: str) -> None:
    assert client_for(developer).delete(url).status_code == 405
