"""Maintenance windows: incidents open silently, and are announced if they are still open at the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditLog, Org, User
from incidents.actions import resolve_incident
from incidents.escalate import escalate_due
from incidents.maintenance import announce_after_maintenance
from incidents.models import MaintenanceWindow
from notifications.models import Job
from services.models import Environment
from tests.support.alerting import make_channel, make_incident
from tests.support.factories import make_key, make_service

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]
PAGE = "/incidents/maintenance"


@pytest.fixture
def place(org: Org) -> Environment:
    make_channel(org, "https://hooks.slack.com/services/T/B/x")
    return make_service(org, "shop").environments.get(name="production")


def test_it_is_silent_and_what_is_still_open_is_announced(
    org: Org, place: Environment, developer: User, client_for: ClientFor
) -> None:
    client = client_for(developer)
    page = client.post(PAGE, {"environment": str(place.pk), "length": "1h", "reason": "Moving"}, follow=True).text
    assert "shop / production" in page
    assert "Moving" in page
    open_one, resolved_one = make_incident(org, environment=place), make_incident(org, environment=place)
    elsewhere = make_incident(org, environment=place.service.environments.get(name="staging"))
    resolve_incident(actor=None, incident=resolved_one)
    assert set(Job.objects.values_list("subject_id", flat=True)) == {elsewhere.pk}
    assert "silent until" in client.get(f"/incidents/{open_one.pk}").text
    assert announce_after_maintenance() == escalate_due() == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert announce_after_maintenance() == 1
        assert announce_after_maintenance() == 0
    (job,) = Job.objects.filter(subject_id=open_one.pk)
    assert job.type == "incident.created"
    assert not Job.objects.filter(subject_id=resolved_one.pk).exists()


def test_ending_it_announces_at_once(org: Org, place: Environment, developer: User, client_for: ClientFor) -> None:
    client = client_for(developer)
    client.post(PAGE, {"service": str(place.service_id), "length": "4h"})
    incident = make_incident(org, environment=place)
    window = MaintenanceWindow.objects.get()
    client.post(f"{PAGE}/{window.pk}/end")
    assert announce_after_maintenance() == 1
    assert Job.objects.filter(subject_id=incident.pk).count() == 1
    actions = AuditLog.objects.for_org(org).filter(action__startswith="maintenance.").order_by("pk")
    assert [each.action for each in actions] == ["maintenance.started", "maintenance.ended"]


def test_by_roles(place: Environment, developer: User, viewer: User, admin: User, client_for: ClientFor) -> None:
    values = {"environment": str(place.pk), "length": "7d"}
    assert client_for(viewer).post(PAGE, values).status_code == 403
    assert client_for(developer).post(PAGE, values).status_code == 422
    assert client_for(admin).post(PAGE, values).status_code == 302
    assert client_for(admin).post(PAGE, {"length": "1h"}).status_code == 422


def post(path: str, body: Any = None, key: str = "") -> Any:
    headers = {"x-api-key": key} if key else {}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(path, data, content_type="application/json", headers=headers)


def test_a_deployment_starts_and_ends_it(org: Org, place: Environment, settings: Settings) -> None:
    key = make_key(place)
    answer = post("/api/v1/maintenance", {"minutes": 15, "reason": "migration"}, key)
    assert answer.status_code == 201
    window = MaintenanceWindow.objects.get(pk=answer.json()["data"]["id"])
    assert (window.environment, window.reason, window.created_by) == (place, "migration", None)
    other = make_key(make_service(org, "other").environments.get(name="production"))
    path = f"/api/v1/maintenance/{window.pk}/end"
    assert post(path, None, other).status_code == 404
    assert post(path, None, key).json() == {"data": {"id": window.pk, "ended": True}}
    assert post(path, None, key).json() == {"data": {"id": window.pk, "ended": False}}
    settings.QUOTA_MAINTENANCE = 1
    assert post("/api/v1/maintenance", {"minutes": 1}, key).status_code == 201
    refused = post("/api/v1/maintenance", {"minutes": 1}, key)
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"minutes": 0}, 400),
        ({"minutes": 1441}, 400),
        ({"minutes": "5"}, 400),
        ({}, 400),
        (b"{", 400),
        (b"[" * 20_000, 413),
        ({"minutes": 5, "reason": "x" * 501}, 400),
    ],
)
def test_bad_bodies(place: Environment, body: Any, status: int) -> None:
    assert post("/api/v1/maintenance", body, make_key(place)).status_code == status
    assert not MaintenanceWindow.objects.exists()


def test_without_a_key(place: Environment) -> None:
    assert post("/api/v1/maintenance", {"minutes": 5}).status_code == 401
    assert Client().get("/api/v1/maintenance").status_code == 405
