from __future__ import annotations

import pytest

from accounts.models import AuditLog, User
from services.models import Service
from tests.services.conftest import SignedIn


def test_adds_an_environment(client_for: SignedIn, developer: User, service: Service) -> None:
    response = client_for(developer).post(f"/services/{service.pk}/environments/new", {"name": " preview "})
    assert response["Location"] == f"/services/{service.pk}"
    made = service.environments.get(name="preview")
    row = AuditLog.objects.get(action="environment.created")
    assert (row.actor_user, row.org, row.resource_id) == (developer, service.org, str(made.pk))
    assert row.meta_json == {"service": "api", "service_id": str(service.pk), "name": "preview"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("staging", "The service has an environment of this name already."),
        ("", "This field is required"),
        ("x" * 61, "at most 60 characters"),
        ("a\x00b", "characters that cannot be shown"),
    ],
)
def test_bad_names_are_said(client_for: SignedIn, developer: User, service: Service, name: str, words: str) -> None:
    page = client_for(developer).post(f"/services/{service.pk}/environments/new", {"name": name})
    assert words in page.content.decode()
    assert service.environments.count() == 2


def test_shows_the_form(client_for: SignedIn, developer: User, service: Service) -> None:
    assert client_for(developer).get(f"/services/{service.pk}/environments/new").status_code == 200


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, service: Service) -> None:
    assert client_for(viewer).post(f"/services/{service.pk}/environments/new", {"name": "x"}).status_code == 403


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, service: Service) -> None:
    assert client_for(outsider).post(f"/services/{service.pk}/environments/new", {"name": "x"}).status_code == 404
    assert service.environments.count() == 2


def test_other_methods_are_refused(client_for: SignedIn, developer: User, service: Service) -> None:
    assert client_for(developer).put(f"/services/{service.pk}/environments/new").status_code == 405
