from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.http import HttpRequest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from pulseops.core.extensions import SERVICE_PANELS, Panel
from services import key_actions
from services.models import ApiKey, Environment, RateBucket, Service
from tests.services.conftest import SignedIn


def test_shows_environments_keys_and_how_to_send(
    client_for: SignedIn, developer: User, service: Service, key: ApiKey
) -> None:
    page = client_for(developer).get(f"/services/{service.pk}").content.decode()
    assert "The API" in page
    assert "production" in page
    assert "staging" in page
    assert "web servers" in page
    assert f"…{key.last_four}" in page
    assert "http://localhost:8000/api/v1/logs/ingest" in page
    assert "pol_YOUR_KEY" in page
    assert key.key_hash not in page


def test_shows_what_a_key_brought_in_the_last_hour(
    client_for: SignedIn, developer: User, service: Service, key: ApiKey
) -> None:
    minute = timezone.now().replace(second=0, microsecond=0)
    RateBucket.objects.create(api_key=key, window_start=minute, count=40)
    RateBucket.objects.create(api_key=key, window_start=minute - timedelta(minutes=59), count=2)
    RateBucket.objects.create(api_key=key, window_start=minute - timedelta(minutes=60), count=900)
    page = client_for(developer).get(f"/services/{service.pk}").content.decode()
    assert "42 logs · max 500/min" in page
    assert "Busiest minute: 40 of 500 logs" in page


def test_a_key_near_one_of_its_limits_says_so(
    client_for: SignedIn, viewer: User, service: Service, key: ApiKey, settings: Settings
) -> None:
    client, page = client_for(viewer), f"/services/{service.pk}"
    minute = timezone.now().replace(second=0, microsecond=0)
    bucket = RateBucket.objects.create(api_key=key, window_start=minute, count=395, bytes=5_000)
    assert "of its limit" not in client.get(page).content.decode()
    settings.INGEST_BYTES_PER_MINUTE = 5_500
    assert "busiest minute: 90 % of its limit" in client.get(page).content.decode()
    settings.INGEST_BYTES_PER_MINUTE = 5_500_000
    RateBucket.objects.filter(pk=bucket.pk).update(count=500)
    assert "busiest minute: 100 % of its limit" in client.get(page).content.decode()


def test_sets_revoked_keys_apart(client_for: SignedIn, developer: User, service: Service, key: ApiKey) -> None:
    key_actions.revoke_key(actor=developer, key=key)
    page = client_for(developer).get(f"/services/{service.pk}").content.decode()
    assert "1 revoked or expired key" in page
    assert "No active key" in page
    assert f"/keys/{key.pk}/rotate" not in page


def test_a_viewer_sees_no_way_to_change_anything(
    client_for: SignedIn, viewer: User, service: Service, key: ApiKey
) -> None:
    page = client_for(viewer).get(f"/services/{service.pk}").content.decode()
    assert "web servers" in page
    for way in ("/edit", "/delete", "/new", "/rename", "/rotate", "/revoke"):
        assert f"{service.pk}{way}" not in page
        assert f"{key.pk}{way}" not in page
        assert f"environments{way}" not in page


def test_a_service_without_environments_says_what_to_do(
    client_for: SignedIn, developer: User, service: Service
) -> None:
    Environment.objects.all().delete()
    page = client_for(developer).get(f"/services/{service.pk}").content.decode()
    assert "Keys belong to an environment" in page
    assert f"/services/{service.pk}/environments/new" in page
    assert f"/services/{service.pk}/keys/new" not in page


def test_what_people_wrote_is_text(client_for: SignedIn, developer: User, service: Service) -> None:
    Service.objects.update(name="<b>api</b>", description="<script>alert(1)</script>")
    page = client_for(developer).get(f"/services/{service.pk}").content.decode()
    assert "<script>alert(1)" not in page
    assert "<b>api</b>" not in page


@pytest.fixture
def panel() -> Iterator[None]:
    def add(request: HttpRequest, service: Service) -> Panel:
        return Panel("Retention forecast", "components/kv.html", {"rows": []}, anchor="forecast")

    SERVICE_PANELS.add(add)
    SERVICE_PANELS.add(lambda request, service: None)
    SERVICE_PANELS.add(lambda request, service: Panel("It burns", "components/kv.html", {"rows": []}, is_urgent=True))
    before = list(SERVICE_PANELS.added)
    yield
    del SERVICE_PANELS.added[len(before) - 3 :]


@pytest.mark.usefixtures("panel")
def test_other_apps_add_panels(client_for: SignedIn, viewer: User, service: Service) -> None:
    page = client_for(viewer).get(f"/services/{service.pk}").content.decode()
    assert "Retention forecast" in page
    assert 'id="forecast"' in page
    assert page.index("It burns") < page.index("Environments</h2>") < page.index("Retention forecast")


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, service: Service) -> None:
    assert client_for(outsider).get(f"/services/{service.pk}").status_code == 404


def test_only_reads(client_for: SignedIn, admin: User, service: Service) -> None:
    assert client_for(admin).post(f"/services/{service.pk}").status_code == 405


def test_queries_do_not_grow_with_keys(
    client_for: SignedIn, developer: User, service: Service, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for environment in service.environments.all():
        for _ in range(3):
            key_actions.create_key(actor=developer, environment=environment)
    client = client_for(developer)
    client.get(f"/services/{service.pk}")
    with django_assert_max_num_queries(12):
        client.get(f"/services/{service.pk}")
