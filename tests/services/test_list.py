from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Org, User
from pulseops.core.db import distribution
from services import key_actions
from services.models import ApiKey, Service
from tests.services.conftest import SignedIn
from tests.support.factories import make_service

URL = "/services"


def test_shows_each_service_with_what_is_heard_of_it(
    client_for: SignedIn, viewer: User, service: Service, key: ApiKey
) -> None:
    page = client_for(viewer).get(URL).content.decode()
    assert "api" in page
    assert "production, staging" in page
    assert "Waiting for the first log" in page
    assert "30 days" in page


@pytest.mark.parametrize(
    ("minutes_ago", "words"), [(None, "Waiting for the first log"), (5, "Healthy"), (90, "Silent")]
)
def test_says_when_a_service_was_last_heard(
    client_for: SignedIn, viewer: User, key: ApiKey, minutes_ago: int | None, words: str
) -> None:
    if minutes_ago is not None:
        ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=minutes_ago))
    assert words in client_for(viewer).get(URL).content.decode()


def test_counts_keys_that_work_only(client_for: SignedIn, admin: User, service: Service, key: ApiKey) -> None:
    key_actions.revoke_key(actor=admin, key=key)
    assert "No active key" in client_for(admin).get(URL).content.decode()


def test_an_empty_list_leads_a_developer_to_the_first_service(client_for: SignedIn, developer: User) -> None:
    page = client_for(developer).get(URL).content.decode()
    assert "Create the first service" in page
    assert 'href="/services/new"' in page


def test_a_viewer_sees_no_button(client_for: SignedIn, viewer: User) -> None:
    assert "/services/new" not in client_for(viewer).get(URL).content.decode()


def test_is_there_without_its_figures_while_their_worker_of_citus_is_away(
    client_for: SignedIn, viewer: User, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        lost = psycopg.errors.ConnectionFailure("connection to the remote node failed")
        raise OperationalError(str(lost)) from lost

    monkeypatch.setattr(distribution, "_answers", {"default": (frozenset({"logs"}), 0.0)})
    monkeypatch.setattr("services.volume.day_of_logs", away)
    page = client_for(viewer).get(URL).content.decode()
    assert "How much was logged is not known" in page
    assert "unknown" in page
    assert "no logs" not in page


def test_another_organisation_sees_nothing_of_it(client_for: SignedIn, outsider: User, service: Service) -> None:
    page = client_for(outsider).get(URL).content.decode()
    assert str(service.pk) not in page
    assert "other" in page


def test_only_reads(client_for: SignedIn, admin: User) -> None:
    assert client_for(admin).post(URL).status_code == 405


def test_queries_do_not_grow_with_services(
    client_for: SignedIn, viewer: User, org: Org, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        make_service(org)
    client = client_for(viewer)
    client.get(URL)
    with django_assert_max_num_queries(4):
        client.get(URL)
