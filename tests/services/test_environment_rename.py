from __future__ import annotations

import pytest

from accounts.models import AuditLog, User
from services.models import Environment
from tests.services.conftest import SignedIn
from tests.support.factories import make_service


@pytest.fixture
def url(production: Environment) -> str:
    return f"/services/{production.service_id}/environments/{production.pk}/rename"


def test_renames(client_for: SignedIn, developer: User, production: Environment, url: str) -> None:
    response = client_for(developer).post(url, {"name": "live"})
    assert response["Location"] == f"/services/{production.service_id}"
    production.refresh_from_db()
    assert production.name == "live"
    row = AuditLog.objects.get(action="environment.renamed")
    assert row.meta_json is not None
    assert row.meta_json["changes"] == {"name": ["production", "live"]}


def test_the_same_name_writes_nothing(client_for: SignedIn, developer: User, url: str) -> None:
    assert client_for(developer).post(url, {"name": "production"}).status_code == 302
    assert not AuditLog.objects.filter(action="environment.renamed").exists()


def test_a_taken_name_is_said(client_for: SignedIn, developer: User, production: Environment, url: str) -> None:
    page = client_for(developer).post(url, {"name": "staging"}).content.decode()
    assert "The service has an environment of this name already." in page
    production.refresh_from_db()
    assert production.name == "production"


def test_shows_the_name(client_for: SignedIn, developer: User, url: str) -> None:
    assert 'value="production"' in client_for(developer).get(url).content.decode()


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, url: str) -> None:
    assert client_for(viewer).post(url, {"name": "live"}).status_code == 403


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, url: str) -> None:
    assert client_for(outsider).post(url, {"name": "live"}).status_code == 404


def test_an_environment_of_another_service_gets_404(
    client_for: SignedIn, developer: User, production: Environment
) -> None:
    other = make_service(production.service.org, "web")
    url = f"/services/{other.pk}/environments/{production.pk}/rename"
    assert client_for(developer).post(url, {"name": "live"}).status_code == 404


def test_other_methods_are_refused(client_for: SignedIn, developer: User, url: str) -> None:
    assert client_for(developer).put(url).status_code == 405
