"""How much one person may change in a day, and how many sessions they may have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actions.sessions import end_surplus_sessions
from accounts.models import AuditLog, Org, OrgUsage, Session, User
from accounts.quotas import usage
from accounts.refused import lately, refused_since
from accounts.tasks import trim_usage

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]


def rename(client: Client, name: str) -> int:
    return client.post("/account", {"name": name}).status_code


def test_a_person_changes_so_much_a_day_and_no_one_else_less(
    org: Org, admin: User, developer: User, client_for: ClientFor, settings: Any
) -> None:
    settings.CHANGES_PER_DAY = 2
    client = client_for(developer)
    assert [rename(client, f"name {n}") for n in range(3)] == [302, 302, 429]
    rows = AuditLog.objects.count()
    answer = client.post("/incidents/bulk", {"incident": "1"})
    assert (answer.status_code, "CHANGES_PER_DAY" in answer.text) == (429, True)
    assert 0 < int(answer["Retry-After"]) <= 86_400
    assert AuditLog.objects.count() == rows
    assert client.get("/dashboard").status_code == 200
    assert client.post("/account/sessions/end-others").status_code == 302
    assert rename(client_for(admin), "another") == 302
    assert client.post("/logout").status_code == 302
    assert {each.quota.setting: each.refused for each in usage(org)}["CHANGES_PER_DAY"] >= 1
    assert "CHANGES_PER_DAY" in Org.objects.annotate(met=refused_since(lately())).get(pk=org.pk).met
    OrgUsage.objects.update(period=timezone.now() - timedelta(days=40))
    trim_usage()
    assert not OrgUsage.objects.exists()


def test_no_limit_counts_nothing(developer: User, client_for: ClientFor, settings: Any) -> None:
    settings.CHANGES_PER_DAY = 0
    assert rename(client_for(developer), "another") == 302
    assert not OrgUsage.objects.filter(kind__startswith="changes").exists()


def test_strangers_are_not_counted() -> None:
    assert Client().post("/orgs").status_code == 302
    assert not OrgUsage.objects.exists()


def test_the_sessions_that_were_used_least_lately_end(
    developer: User, admin: User, client_for: ClientFor, settings: Any
) -> None:
    settings.SESSIONS_PER_USER = 2
    for each in (developer, developer, developer, admin):
        client_for(each)
    first, second, third = Session.objects.filter(user=developer).order_by("created_at")
    Session.objects.filter(pk=second.pk).update(last_seen_at=timezone.now() - timedelta(days=1))
    end_surplus_sessions(user=developer, keep=first)
    assert {each.pk for each in Session.objects.filter(user=developer)} == {first.pk, third.pk}
    assert Session.objects.filter(user=admin).count() == 1


def test_signing_in_ends_those_that_are_too_many(developer: User, settings: Any) -> None:
    settings.SESSIONS_PER_USER = 2
    developer.set_password("correct horse 12")
    developer.save()
    for _ in range(4):
        answer = Client().post("/login", {"login": developer.email, "password": "correct horse 12"})
        assert answer.status_code == 302
    assert Session.objects.filter(user=developer).count() == 2
