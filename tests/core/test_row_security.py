"""The second wall: what a page forgets to ask, PostgreSQL does not show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model
from django.db.utils import ProgrammingError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.actions.invitations import invite
from accounts.audit.record import record
from accounts.models import AuditLog, Membership, Org, Role, User
from alerts.models import AlertFiring, AlertPending, AlertRule
from deployments.models import GitHubIntegration
from incidents.models import EscalationPolicy, MaintenanceWindow
from logs.models import LogCount, SavedView
from notifications.models import Channel, DeliveryAttempt, Job, ReceivedEvent
from pulseops.core.db import row_security
from pulseops.core.db.row_security import Scope, outside_the_wall, stream_within_wall, within_wall
from services.models import Environment, RateBucket, Service, ServiceQuerySet
from tests.core.test_row_security_connections import who
from tests.support.alerting import make_rule
from tests.support.factories import make_key, make_log, make_member, make_org, make_service

SignIn = Callable[[User], Client]

pytestmark = pytest.mark.plain_database("asks as the role of the pages, which tests do not take there")


@pytest.fixture
def tenants(db: None) -> tuple[Org, Org]:
    """Two organisations with a row in each table that a page may read."""
    return _fill(make_org("Ours")), _fill(make_org("Theirs"))


def _fill(org: Org) -> Org:
    admin = make_member(org, Role.ADMIN)
    service = make_service(org, f"service of {org.name}", created_by=admin)
    environment, now = service.environments.first(), timezone.now()
    assert environment is not None
    make_key(environment)
    RateBucket.objects.create(api_key=service.api_keys.get(), window_start=now, count=1)
    make_log(service)
    rule = make_rule(org)
    AlertFiring.objects.create(rule=rule, environment=environment, fingerprint=str(uuid4()), fired_at=now)
    AlertPending.objects.create(rule=rule, environment=environment, since=now)
    channel = Channel.objects.create(
        org=org, type="slack", name=f"#{org.name}", config_json={"webhook_url": "https://x"}
    )
    Job.objects.create(org=org, channel=channel, type="test", payload_json={}, status="pending")
    SavedView.objects.create(org=org, owner=admin, name=org.name)
    ReceivedEvent.objects.create(org=org, channel=channel, event_id="E1")
    DeliveryAttempt.objects.create(org=org, channel=channel, message_id=uuid4(), events=1, result="sent", seconds=0.1)
    MaintenanceWindow.objects.create(org=org, service=service, ends_at=now)
    EscalationPolicy.objects.create(org=org, severity="high", after_minutes=5, repeats=1)
    GitHubIntegration.objects.create(service=service, repo_owner="o", repo_name="r", webhook_secret_hash="x")
    invite(actor=admin, org=org, email=f"new@{org.name}.example", role=Role.VIEWER)
    record(actor=admin, org=org, action="org.renamed", resource=org)
    return org


def _of_orgs() -> list[type[Model]]:
    return [model for model in apps.get_models() if hasattr(model._default_manager.all(), "for_org")]


def _scope(org: Org) -> Scope:
    return Scope(org.pk, Membership.objects.for_org(org).first().user_id)  # type: ignore[union-attr]


@pytest.mark.parametrize("model", [each for each in _of_orgs() if each._meta.db_table != "logs"])
def test_a_query_without_its_organisation_finds_no_others_rows(tenants: tuple[Org, Org], model: Any) -> None:
    ours, theirs = tenants
    expected = set(model.objects.for_org(ours).values_list("pk", flat=True))
    others = set(model.objects.for_org(theirs).values_list("pk", flat=True))
    with within_wall(_scope(ours)):
        assert set(model.objects.values_list("pk", flat=True)) == expected
        assert not model.objects.filter(pk__in=others).exists()
    with within_wall(Scope(uuid4(), uuid4())):
        assert not model.objects.exists()
    assert expected.isdisjoint(others)


def test_no_one_changes_or_deletes_what_is_anothers(tenants: tuple[Org, Org]) -> None:
    ours, theirs = tenants
    with within_wall(_scope(ours)):
        assert Service.objects.filter(org=theirs).update(name="taken") == 0
        assert Channel.objects.filter(org=theirs).delete()[0] == 0
        assert Membership.objects.filter(org=theirs).update(role=Role.VIEWER) == 0
        assert Org.objects.filter(pk=theirs.pk).update(name="taken") == 0
        assert User.objects.exclude(pk=_scope(ours).user_id).update(preferences={"x": "y"}) == 0
    assert not Service.objects.filter(name="taken").exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda org: Service.objects.create(org=org, name="x"),
        lambda org: Environment.objects.create(service_id=org.services_pk, name="x"),
        lambda org: Channel.objects.create(org=org, type="slack", config_json={}),
        lambda org: AuditLog.objects.create(org=org, action="x", resource_type="x"),
        lambda org: Membership.objects.create(org=org, user_id=org.reader_pk, role=Role.ADMIN),
    ],
)
def test_no_one_makes_what_is_anothers(tenants: tuple[Org, Org], make: Callable[[Any], Any]) -> None:
    ours, theirs = tenants
    target: Any = theirs
    target.services_pk, target.reader_pk = Service.objects.for_org(theirs).get().pk, _scope(ours).user_id
    with within_wall(_scope(ours)), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        make(target)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM logs",
        "INSERT INTO logs (org_id) VALUES (gen_random_uuid())",
        "TRUNCATE audit_logs",
        "UPDATE audit_logs SET action = 'x'",
        "DELETE FROM audit_logs",
        "UPDATE users SET is_superuser = true",
        "UPDATE users SET password_hash = 'x'",
        "UPDATE orgs SET suspended_at = NULL",
        "DELETE FROM org_usage",
        "INSERT INTO django_q_schedule (func) VALUES ('os.system')",
        "UPDATE django_q_task SET result = NULL",
        "SELECT * FROM adoption_notes",
        "ALTER TABLE services DISABLE ROW LEVEL SECURITY",
        "DROP POLICY pages_write ON services",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "ALTER ROLE CURRENT_USER SUPERUSER",
    ],
)
def test_the_role_of_pages_owns_nothing(tenants: tuple[Org, Org], statement: str) -> None:
    refused = pytest.raises(ProgrammingError, match=r"denied|must be")
    with within_wall(_scope(tenants[0])), refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


# -- Pages that forget -------------------------------------------------------------------------------------------------


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `for_org` forgets the organisation."""
    for model in _of_orgs():
        monkeypatch.setattr(type(model._default_manager.all()), "for_org", lambda queryset, org: queryset.all())


PAGES = (
    "/services", "/alerts", "/incidents", "/settings/notifications", "/orgs/members", "/settings/audit", "/deployments",
    "/dashboard", "/settings/audit/export.csv", "/search?q=service",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_whose_scoping_was_forgotten_shows_nothing_of_others(
    tenants: tuple[Org, Org], client_for: SignIn, forgetful: None, path: str
) -> None:
    reader = User.objects.get(pk=_scope(tenants[0]).user_id)
    theirs = Membership.objects.select_related("user").get(org=tenants[1]).user
    response = client_for(reader).get(path)
    assert response.status_code == 200
    page = b"".join(response) if response.streaming else response.content
    text = page.decode()
    assert "Theirs" not in text
    assert theirs.email not in text
    assert str(tenants[1].pk) not in text


def test_anothers_page_is_not_found_though_no_one_asked_whose_it_is(
    tenants: tuple[Org, Org], client_for: SignIn, forgetful: None
) -> None:
    client = client_for(User.objects.get(pk=_scope(tenants[0]).user_id))
    with outside_the_wall("a test"):
        service = Service.objects.get(name="service of Theirs")
        rule = AlertRule.objects.get(org=tenants[1])
        channel = Channel.objects.get(org=tenants[1])
    for path in (f"/services/{service.pk}", f"/alerts/{rule.pk}", f"/settings/notifications/{channel.pk}/edit"):
        assert client.get(path).status_code == 404, path
    client.post(f"/services/{service.pk}/delete", {"confirm": service.name})
    client.post(f"/alerts/{rule.pk}/delete")
    assert Service.objects.filter(pk=service.pk).exists()
    assert AlertRule.objects.filter(pk=rule.pk).exists()


# -- Other statements --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_other_kinds_of_statements(tenants: tuple[Org, Org]) -> None:
    with within_wall(_scope(tenants[0])):
        assert [each.name for each in Service.objects.iterator(chunk_size=1)] == ["service of Ours"]
        with connection.cursor() as cursor:
            cursor.executemany("SELECT %s", [(1,), (2,)])
        assert Service.objects.bulk_create([Service(org=tenants[0], name="one"), Service(org=tenants[0], name="two")])
        assert LogCount.objects.count() == 1


@pytest.mark.django_db
def test_a_stream_is_made_within_the_wall(tenants: tuple[Org, Org]) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(2):
            yield who()[0].encode()

    made = []
    for chunk in stream_within_wall(_scope(tenants[0]), chunks()):
        made.append(chunk)
        assert row_security.current_scope() is None
    assert made == [b"pulseops_web"] * 2


@pytest.mark.django_db
def test_without_the_role_pages_ask_for_themselves(
    tenants: tuple[Org, Org], client_for: SignIn, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE_WEB_ROLE = ""
    row_security.forget_databases()
    reader = User.objects.get(pk=_scope(tenants[0]).user_id)
    page = client_for(reader).get("/services")
    assert "service of Ours" in page.text
    assert "service of Theirs" not in page.text
    monkeypatch.setattr(ServiceQuerySet, "for_org", lambda queryset, org: queryset.all())
    assert "service of Theirs" in client_for(reader).get("/services").text  # so the first wall is what holds
    with within_wall(_scope(tenants[0])):
        assert who()[0] != "pulseops_web"
    row_security.forget_databases()
