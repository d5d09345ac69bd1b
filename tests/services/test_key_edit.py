from __future__ import annotations

import pytest

from accounts.models import AuditLog, User
from services.models import ApiKey
from tests.services.conftest import SignedIn


@pytest.fixture
def url(key: ApiKey) -> str:
    return f"/services/{key.service_id}/keys/{key.pk}/edit"


def test_changes_label_and_rate(client_for: SignedIn, developer: User, key: ApiKey, url: str) -> None:
    response = client_for(developer).post(
        url, {"label": "workers", "rate_per_minute": "", "scopes": ["logs", "deployments"]}
    )
    assert response["Location"] == f"/services/{key.service_id}"
    before = key.key_hash
    key.refresh_from_db()
    assert (key.label, key.rate_per_minute, key.key_hash) == ("workers", None, before)
    row = AuditLog.objects.get(action="api_key.updated")
    assert row.meta_json is not None
    assert row.meta_json["changes"] == {"label": ["web servers", "workers"], "rate_per_minute": [500, None]}


def test_shows_what_is(client_for: SignedIn, developer: User, url: str) -> None:
    page = client_for(developer).get(url).content.decode()
    assert 'value="web servers"' in page
    assert 'value="500"' in page
    assert "the default of 60,000" in page


def test_a_bad_rate_is_said(client_for: SignedIn, developer: User, key: ApiKey, url: str) -> None:
    page = client_for(developer).post(url, {"label": "workers", "rate_per_minute": "-1"}).content.decode()
    assert "greater than or equal to 1" in page
    assert 'value="workers"' in page
    key.refresh_from_db()
    assert key.label == "web servers"


def test_a_viewer_may_not(client_for: SignedIn, viewer: User, url: str) -> None:
    assert client_for(viewer).post(url, {"label": "x"}).status_code == 403


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, url: str) -> None:
    assert client_for(outsider).post(url, {"label": "x"}).status_code == 404


def test_other_methods_are_refused(client_for: SignedIn, developer: User, url: str) -> None:
    assert client_for(developer).put(url).status_code == 405
