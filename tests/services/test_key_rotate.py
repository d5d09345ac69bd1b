from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditLog, User
from services import key_actions
from services.models import ApiKey
from tests.services.conftest import SignedIn


@pytest.fixture
def url(key: ApiKey) -> str:
    return f"/services/{key.service_id}/keys/{key.pk}/rotate"


@pytest.mark.parametrize("seconds", [0, 3600, 86_400, 604_800])
def test_the_old_key_works_for_the_grace_time(
    client_for: SignedIn, developer: User, key: ApiKey, url: str, seconds: int
) -> None:
    client_for(developer).post(url, {"grace": str(seconds)})
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert abs(key.revoked_at - timezone.now() - timedelta(seconds=seconds)) < timedelta(seconds=30)


def test_the_new_key_is_like_the_old_and_shown_once(
    client_for: SignedIn, developer: User, key: ApiKey, url: str
) -> None:
    client = client_for(developer)
    response = client.post(url, {"grace": "3600"})
    new = ApiKey.objects.exclude(pk=key.pk).get()
    assert response["Location"] == f"/services/{key.service_id}/keys/{new.pk}/setup"
    assert (new.label, new.rate_per_minute, new.environment_id) == (key.label, key.rate_per_minute, key.environment_id)
    assert (new.created_by, new.revoked_at) == (developer, None)
    assert new.key_hash != key.key_hash
    assert client.cookies["fresh_api_key"].value in client.get(response["Location"]).content.decode()


def test_writes_it_down_once(client_for: SignedIn, developer: User, key: ApiKey, url: str) -> None:
    client_for(developer).post(url, {"grace": "3600"})
    row = AuditLog.objects.get(action="api_key.rotated")
    new = ApiKey.objects.exclude(pk=key.pk).get()
    assert row.resource_id == str(key.pk)
    assert row.meta_json is not None
    assert (row.meta_json["successor_id"], row.meta_json["grace_seconds"]) == (str(new.pk), 3600)


def test_rotating_again_does_not_make_the_old_key_live_longer(developer: User, key: ApiKey) -> None:
    key_actions.rotate_key(actor=developer, key=key, grace=timedelta(hours=1))
    key_actions.rotate_key(actor=developer, key=key, grace=timedelta(days=7))
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert key.revoked_at < timezone.now() + timedelta(hours=2)


def test_a_revoked_key_is_not_rotated(client_for: SignedIn, developer: User, key: ApiKey, url: str) -> None:
    key_actions.revoke_key(actor=developer, key=key)
    page = client_for(developer).post(url, {"grace": "3600"}).content.decode()
    assert "This key is revoked; create a new one instead." in page
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("grace", ["", "7200", "-1", "x"])
def test_only_the_offered_times_are_taken(
    client_for: SignedIn, developer: User, key: ApiKey, url: str, grace: str
) -> None:
    assert "form-errors" in client_for(developer).post(url, {"grace": grace}).content.decode()
    assert ApiKey.objects.count() == 1


def test_the_page_of_the_service_says_when_the_old_one_ends(client_for: SignedIn, developer: User, key: ApiKey) -> None:
    key_actions.rotate_key(actor=developer, key=key, grace=timedelta(days=7))
    page = client_for(developer).get(f"/services/{key.service_id}").content.decode()
    assert "Ends" in page
    assert "in 7 d" in page


def test_shows_the_choices(client_for: SignedIn, developer: User, url: str) -> None:
    page = client_for(developer).get(url).content.decode()
    assert "In 24 hours" in page
    assert "In 7 days" in page


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, url: str) -> None:
    assert client_for(viewer).post(url, {"grace": "0"}).status_code == 403


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, url: str) -> None:
    assert client_for(outsider).post(url, {"grace": "0"}).status_code == 404


def test_other_methods_are_refused(client_for: SignedIn, developer: User, url: str) -> None:
    assert client_for(developer).put(url).status_code == 405
