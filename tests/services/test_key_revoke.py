from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditLog, User
from services import key_actions
from services.models import ApiKey
from tests.services.conftest import SignedIn
from tests.support.factories import make_service


@pytest.fixture
def url(key: ApiKey) -> str:
    return f"/services/{key.service_id}/keys/{key.pk}/revoke"


def test_ends_the_key_at_once(client_for: SignedIn, developer: User, key: ApiKey, url: str) -> None:
    response = client_for(developer).post(url)
    assert response["Location"] == f"/services/{key.service_id}"
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert key.revoked_at <= timezone.now()
    row = AuditLog.objects.get(action="api_key.revoked")
    assert (row.actor_user, row.resource_id) == (developer, str(key.pk))


def test_ends_a_key_that_was_to_end_later(client_for: SignedIn, developer: User, key: ApiKey, url: str) -> None:
    key_actions.rotate_key(actor=developer, key=key, grace=timedelta(days=7))
    client_for(developer).post(url)
    key.refresh_from_db()
    assert not key.is_live()


def test_a_second_time_changes_nothing(client_for: SignedIn, developer: User, key: ApiKey, url: str) -> None:
    client = client_for(developer)
    client.post(url)
    key.refresh_from_db()
    first = key.revoked_at
    client.post(url)
    key.refresh_from_db()
    assert key.revoked_at == first
    assert AuditLog.objects.filter(action="api_key.revoked").count() == 1


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, key: ApiKey, url: str) -> None:
    assert client_for(viewer).post(url).status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, key: ApiKey, url: str) -> None:
    assert client_for(outsider).post(url).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_key_of_another_service_gets_404(client_for: SignedIn, developer: User, key: ApiKey) -> None:
    other = make_service(key.org, "web")
    assert client_for(developer).post(f"/services/{other.pk}/keys/{key.pk}/revoke").status_code == 404


def test_a_link_cannot_revoke(client_for: SignedIn, developer: User, url: str) -> None:
    assert client_for(developer).get(url).status_code == 405
