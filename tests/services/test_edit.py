from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditLog, User
from services.models import Service
from services.views.lookups import find_service
from tests.services.conftest import SignedIn
from tests.support.factories import make_service

SAME = {"name": "api", "description": "The API", "repo_url": "", "retention_days": "30"}


def test_changes_what_differs_and_writes_it_down(client_for: SignedIn, developer: User, service: Service) -> None:
    entered = {**SAME, "name": "core-api", "repo_url": "github.com/acme/api", "retention_days": "60"}
    response = client_for(developer).post(f"/services/{service.pk}/edit", entered)
    assert response["Location"] == f"/services/{service.pk}"
    service.refresh_from_db()
    assert (service.name, service.repo_url, service.retention_days) == ("core-api", "https://github.com/acme/api", 60)
    row = AuditLog.objects.get(action="service.updated")
    assert row.actor_user == developer
    assert row.meta_json == {
        "changes": {
            "name": ["api", "core-api"],
            "repo_url": [None, "https://github.com/acme/api"],
            "retention_days": [30, 60],
        }
    }


def test_nothing_changed_writes_nothing(client_for: SignedIn, developer: User, service: Service) -> None:
    assert client_for(developer).post(f"/services/{service.pk}/edit", SAME).status_code == 302
    assert not AuditLog.objects.filter(action="service.updated").exists()


def test_a_shorter_retention_says_what_will_go_and_waits(
    client_for: SignedIn, developer: User, service: Service
) -> None:
    page = client_for(developer).post(f"/services/{service.pk}/edit", {**SAME, "retention_days": "7"}).content.decode()
    assert "Logs will be deleted forever." in page
    assert "keeps logs for 30 days now" in page
    assert 'name="lowered_to" value="7"' in page
    service.refresh_from_db()
    assert service.retention_days == 30


def test_a_shorter_retention_that_is_confirmed_is_set(client_for: SignedIn, developer: User, service: Service) -> None:
    entered = {**SAME, "retention_days": "7", "lowered_to": "7"}
    assert client_for(developer).post(f"/services/{service.pk}/edit", entered).status_code == 302
    service.refresh_from_db()
    assert service.retention_days == 7


def test_confirming_seven_days_does_not_confirm_one(client_for: SignedIn, developer: User, service: Service) -> None:
    entered = {**SAME, "retention_days": "1", "lowered_to": "7"}
    assert client_for(developer).post(f"/services/{service.pk}/edit", entered).status_code == 200
    service.refresh_from_db()
    assert service.retention_days == 30


def test_a_name_that_another_service_has_is_an_error(client_for: SignedIn, developer: User, service: Service) -> None:
    make_service(service.org, "web")
    page = client_for(developer).post(f"/services/{service.pk}/edit", {**SAME, "name": "web"}).content.decode()
    assert "The organisation has a service of this name already." in page
    service.refresh_from_db()
    assert service.name == "api"


def test_shows_what_is(client_for: SignedIn, developer: User, service: Service) -> None:
    page = client_for(developer).get(f"/services/{service.pk}/edit").content.decode()
    assert 'value="api"' in page
    assert 'value="30"' in page


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, service: Service) -> None:
    assert client_for(viewer).get(f"/services/{service.pk}/edit").status_code == 403
    assert client_for(viewer).post(f"/services/{service.pk}/edit", {**SAME, "name": "x"}).status_code == 403


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, service: Service) -> None:
    assert client_for(outsider).post(f"/services/{service.pk}/edit", {**SAME, "name": "x"}).status_code == 404
    service.refresh_from_db()
    assert service.name == "api"


def test_other_methods_are_refused(client_for: SignedIn, developer: User, service: Service) -> None:
    assert client_for(developer).delete(f"/services/{service.pk}/edit").status_code == 405


def test_a_service_that_someone_deletes_meanwhile_gets_404(
    client_for: SignedIn, developer: User, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_and_lose(*args: Any) -> Service:
        found = find_service(*args)
        Service.objects.filter(pk=found.pk).delete()
        return found

    monkeypatch.setattr("services.views.services.find_service", find_and_lose)
    response = client_for(developer).post(f"/services/{service.pk}/edit", {**SAME, "name": "x"})
    assert response.status_code == 404
