from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit.descriptions import PHRASES, details, phrase, title
from accounts.models import AuditLog, Org, User
from tests.accounts.test_audit_log import row


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/settings/audit", "/settings/audit/export.csv", "/settings/audit/export.ndjson"])
def test_only_admins_read_it(
    client: Client, client_for: Callable[[User], Client], viewer: User, developer: User, admin: User, path: str
) -> None:
    assert client.get(path).status_code == 302
    assert client_for(viewer).get(path).status_code == 403
    assert client_for(developer).get(path).status_code == 403
    assert client_for(admin).get(path).status_code == 200
    assert client_for(admin).post(path).status_code == 405


@pytest.mark.django_db
def test_shows_who_did_what_when_and_from_where(
    client_for: Callable[[User], Client], admin: User, org: Org, outsider: User
) -> None:
    row(
        org,
        action="member.role_changed",
        actor_user=admin,
        address="192.0.2.1",
        correlation_id="abc-123",
        meta_json={"email": "ada@example.org", "from": "viewer", "to": "<b>admin</b>"},
    )
    row(org, action="gizmo.frobbed", actor_user=None)
    row(Org.objects.get(name="Other"), action="secret.done")
    page = client_for(admin).get("/settings/audit").content.decode()
    for said in (admin.email, "changed the role of", "ada@example.org", "192.0.2.1", "abc-123", "viewer →"):
        assert said in page
    assert "frobbed the gizmo" in page
    assert "the system" in page
    assert "<b>admin" not in page
    assert "secret.done" not in page


@pytest.mark.django_db
def test_nothing_yet_and_nothing_found(client_for: Callable[[User], Client], admin: User, org: Org) -> None:
    client = client_for(admin)
    assert "Nothing yet" in client.get("/settings/audit").content.decode()
    row(org)
    assert "Nothing matches" in client.get("/settings/audit", {"until": "2001-01-01"}).content.decode()


def shown(client: Client, **query: str) -> list[str]:
    return [each["row"].resource_id for each in client.get("/settings/audit", query).context["rows"]]


@pytest.mark.django_db
def test_filters(client_for: Callable[[User], Client], admin: User, viewer: User, org: Org) -> None:
    row(org, resource_id="1", action="a.done", actor_user=admin, days_old=3)
    row(org, resource_id="2", action="b.done", actor_user=viewer, days_old=2)
    row(org, resource_id="3", action="b.done", actor_user=None, days_old=1)
    AuditLog.objects.create(org=org, resource_id="4", action="a.done", resource_type="y", actor_user=admin)
    client = client_for(admin)
    assert shown(client) == ["4", "3", "2", "1"]
    assert shown(client, actor=str(admin.pk)) == ["4", "1"]
    assert shown(client, actor="system") == ["3"]
    assert shown(client, action="b.done") == ["3", "2"]
    assert shown(client, type="y") == ["4"]
    day = (timezone.now() - timedelta(days=2)).date().isoformat()
    assert shown(client, since=day) == ["4", "3", "2"]
    assert shown(client, until=day) == ["2", "1"]
    assert shown(client, since=day, until=day, action="b.done") == ["2"]


@pytest.mark.django_db
def test_days_are_those_of_the_reader(client_for: Callable[[User], Client], admin: User, org: Org) -> None:
    at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    AuditLog.objects.create(org=org, resource_id="late", action="x", resource_type="x", created_at=at)
    client = client_for(admin)
    assert shown(client, since="2026-03-02", until="2026-03-02") == []
    client.cookies["tzname"] = "Asia/Tokyo"
    assert shown(client, since="2026-03-02", until="2026-03-02") == ["late"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        {"actor": "x"},
        {"actor": "00000000-0000-0000-0000-000000000000"},
        {"action": "a\0b"},
        {"since": "yesterday"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31"},
        {"before": "x"},
        {"before": "2026-01-01T00:00:00+00:00_99999999999999999999"},
        {"before": "0001-01-01T00:00:00+14:00_1"},
        {"after": "2026-01-01_1"},
        {"after": "\0"},
    ],
)
def test_odd_filters_do_no_harm(
    client_for: Callable[[User], Client], admin: User, org: Org, query: dict[str, str]
) -> None:
    row(org, resource_id="1")
    assert shown(client_for(admin), **query) == ["1"]
    exported = client_for(admin).get("/settings/audit/export.ndjson", query)
    assert exported.status_code == 200
    assert len(b"".join(exported.streaming_content).splitlines()) == 2


@pytest.mark.django_db
def test_pages_skip_and_repeat_nothing_among_equal_times(
    client_for: Callable[[User], Client], admin: User, org: Org, django_assert_max_num_queries: Any
) -> None:
    at = timezone.now()
    AuditLog.objects.bulk_create(
        AuditLog(org=org, action="x", resource_type="x", resource_id=str(n), created_at=at) for n in range(120)
    )
    client = client_for(admin)
    down, url = [], "/settings/audit?action=x"
    urls = []
    while url:
        with django_assert_max_num_queries(10):
            context = client.get(url).context
        down.append([each["row"].resource_id for each in context["rows"]])
        urls.append(url)
        assert not context["older_url"] or "action=x" in context["older_url"]
        url = context["older_url"] and f"/settings/audit{context['older_url']}"
    assert [each for page in down for each in page] == [str(n) for n in reversed(range(120))]
    assert [len(page) for page in down] == [50, 50, 20]
    newer = client.get(urls[-1]).context["newer_url"]
    assert shown_at(client, newer) == down[1]
    again = client.get(f"/settings/audit{newer}").context["newer_url"]
    assert shown_at(client, again) == down[0]
    assert not client.get(f"/settings/audit{again}").context["newer_url"]


def shown_at(client: Client, query: str) -> list[str]:
    return [each["row"].resource_id for each in client.get(f"/settings/audit{query}").context["rows"]]


@pytest.mark.django_db
def test_exports_what_is_filtered(client_for: Callable[[User], Client], admin: User, org: Org) -> None:
    row(org, action="a.done", actor_user=admin, meta_json={"name": "=1+1", "note": 'ä, "b"'}, resource_id="=cmd()")
    row(org, action="b.done")
    client = client_for(admin)
    response = client.get("/settings/audit/export.csv", {"action": "a.done"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="audit-')
    head, line = csv.reader(b"".join(response.streaming_content).decode().splitlines())
    record = dict(zip(head, line, strict=True))
    assert record["actor"] == admin.email
    assert record["action"] == "a.done"
    assert record["resource_id"] == "'=cmd()", "no spreadsheet takes it for a formula"
    assert json.loads(record["meta"]) == {"name": "=1+1", "note": 'ä, "b"'}
    response = client.get("/settings/audit/export.ndjson", {"action": "a.done"})
    (line,) = b"".join(response.streaming_content).decode().splitlines()
    assert json.loads(line)["meta"] == {"name": "=1+1", "note": 'ä, "b"'}
    assert AuditLog.objects.filter(action="audit.exported", actor_user=admin, org=org).count() == 2


@pytest.mark.django_db
def test_exports_more_than_a_page_in_a_bounded_number_of_queries(
    client_for: Callable[[User], Client], admin: User, org: Org, django_assert_max_num_queries: Any
) -> None:
    AuditLog.objects.bulk_create(
        AuditLog(org=org, action="x", resource_type="x", actor_user=admin) for _ in range(2500)
    )
    client = client_for(admin)
    with django_assert_max_num_queries(32):  # for 2,500 rows, the three slots of a download among them
        lines = b"".join(client.get("/settings/audit/export.ndjson").streaming_content).splitlines()
    assert len(lines) == 2501


@pytest.mark.django_db
def test_other_forms_do_not_exist(client_for: Callable[[User], Client], admin: User) -> None:
    assert client_for(admin).get("/settings/audit/export.xlsx").status_code == 404


def test_phrases() -> None:
    assert phrase("member.left") == "left the organisation"
    assert phrase("service.created") == "created the service"
    assert phrase("github_integration.secret_rotated") == "GitHub integration: secret rotated"
    assert phrase("LOGIN") == "LOGIN"
    assert phrase("odd.") == "odd."
    assert all(action.count(".") == 1 for action in PHRASES)
    assert title({"role": "viewer", "email": "a@example.org"}) == "a@example.org"
    assert title(None) == title({}) == details(None) == ""
    assert details({"name": "x", "from": "a", "to_role": "b", "gone": None, "user_id": "1"}) == "from: a, to role: b"
    assert details({"name": "x", "to": "b", "from": None}) == "nothing → b"
    assert details({"until": "2026-11-24T15:18:12.007639+00:00"}) == "until: 2026-11-24 15:18:12 UTC"
    assert details({"day": "2026-11-24", "odd": "2026-13-24T00:00:00Z"}) == "day: 2026-11-24, odd: 2026-13-24T00:00:00Z"
