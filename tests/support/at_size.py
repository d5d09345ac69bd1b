"""An organisation as large as large ones are, made by few statements: what its pages may not grow with."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

from accounts.models import AuditLog, Membership, Org, Role, User
from alerts.models import AlertRule
from deployments.models import Deployment
from incidents.models import Incident, IncidentEvent
from logs.models import LogEntry, SavedView
from notifications.models import Channel, Job
from services.models import ApiKey, Environment, Service

SERVICES, ENVIRONMENTS, DEPLOYMENTS, INCIDENTS, VIEWS, MEMBERS = 61, 40, 2_000, 568, 300, 200
STORM = 68  # incidents that one rule opened within a second
_ENTRIES = 400  # of one incident's timeline
_LINES = [
    {"id": n, "ts": "2026-11-30T02:00:00+00:00", "level": "error", "message": f"payment provider timeout {n} " * 12}
    for n in range(5)
]


def fill(org: Org, person: User, now: datetime) -> dict[str, Any]:
    """Fill `org`, of which `person` is a member; returns the ids that addresses need."""
    users = User.objects.bulk_create(
        User(email=f"kim.{n}@example.com", name=f"Kim Longname-Example {n}", password="!") for n in range(MEMBERS - 1)
    )
    Membership.objects.bulk_create(Membership(org=org, user=each, role=Role.DEVELOPER) for each in users)
    services = Service.objects.bulk_create(
        Service(org=org, name=f"{('checkout', 'payments', 'search')[n % 3]}-backend-{n}", created_by=person)
        for n in range(SERVICES)
    )
    names = ["production", "staging", *(f"preview-{n}" for n in range(ENVIRONMENTS - 2))]
    places = Environment.objects.bulk_create(
        [Environment(service=services[0], name=each) for each in names]
        + [Environment(service=s, name=name) for s, name in product(services[1:], names[:2])]
    )
    _keys(org, places, now)
    _deployments(org, places, now)
    rule = AlertRule.objects.bulk_create(
        AlertRule(org=org, name=f"Errors pile up {n}", type="error_count", severity="high", params_json=_PARAMS)
        for n in range(60)
    )[0]
    incident = _incidents(org, places, rule, users, now)
    SavedView.objects.bulk_create(
        SavedView(org=org, owner=users[n % 50], name=f"Errors of the team {n}", is_shared=True, params=_VIEW)
        for n in range(VIEWS)
    )
    channel = _messages(org, incident, now)
    _logs(places, now)
    AuditLog.objects.bulk_create(
        AuditLog(org=org, actor_user=users[n % 9], action="service.updated", resource_type="service", resource_id="x")
        for n in range(500)
    )
    return {
        "service_id": services[0].pk, "environment_id": places[0].pk, "incident_id": incident.pk, "rule_id": rule.pk,
        "channel_id": channel.pk, "deployment_id": Deployment.objects.filter(org=org).latest("pk").pk,
        "key_id": ApiKey.objects.filter(service=services[0]).first().pk,  # type: ignore[union-attr]
    }  # fmt: skip


_PARAMS = {"threshold": 3, "window_minutes": 5, "recovery_minutes": 0}
_VIEW = {"q": "level:error service:checkout-backend-0 http.status:>=500", "from": "-6h"}


def _keys(org: Org, places: list[Environment], now: datetime) -> None:
    ApiKey.objects.bulk_create(
        ApiKey(
            org=org, service=each.service, environment=each, key_hash=f"hash-{n}", last_four="abcd",
            label=f"log shipper {n}", last_used_at=now,
        )
        for n, each in enumerate(places)
    )  # fmt: skip


def _deployments(org: Org, places: list[Environment], now: datetime) -> None:
    Deployment.objects.bulk_create(
        Deployment(
            org=org, service=places[n % len(places)].service, environment=places[n % len(places)],
            commit_sha=f"{n:040x}", commit_message=f"Change how checkout retries what failed, part {n}",
            author=f"Kim {n % 20}", branch=f"feature/retry-{n}", status="failure" if n % 20 == 0 else "success",
            created_at=now - timedelta(minutes=20 * n), finished_at=now - timedelta(minutes=20 * n),
            status_changed_at=now - timedelta(minutes=20 * n),
        )
        for n in range(DEPLOYMENTS)
    )  # fmt: skip


def _incidents(org: Org, places: list[Environment], rule: AlertRule, users: list[User], now: datetime) -> Incident:
    evidence = {
        "at": now.isoformat(), "count": 9, "threshold": 3, "window_minutes": 5, "level": "error", "filter": "",
        "samples": _LINES, "deployment": None,
    }  # fmt: skip
    made = Incident.objects.bulk_create(
        Incident(
            org=org, service=places[n % len(places)].service, environment=places[n % len(places)], severity="high",
            title=f"Errors pile up: {places[n % len(places)].service.name} / {places[n % len(places)].name}",
            status="open" if n < STORM else "resolved", source="alert", rule_id=rule.pk, fingerprint=f"f{n}",
            created_at=now - timedelta(milliseconds=n) if n < STORM else now - timedelta(hours=n),
            resolved_at=None if n < STORM else now - timedelta(hours=n - 1), assignee=users[n % 20], detections=n,
            last_seen_at=now, evidence_json=evidence,
        )
        for n in range(INCIDENTS)
    )  # fmt: skip
    IncidentEvent.objects.bulk_create(
        IncidentEvent(incident=made[0], actor_user=users[n % 9], type="note", message=f"Tried to restart pod {n}. " * 5)
        for n in range(_ENTRIES)
    )
    return made[0]


def _messages(org: Org, incident: Incident, now: datetime) -> Channel:
    channels = Channel.objects.bulk_create(
        Channel(org=org, type="slack", name=f"#team-{n}", config_json={"webhook_url": f"https://hooks.slack.com/{n}"})
        for n in range(20)
    )
    Job.objects.bulk_create(
        Job(
            org=org, channel=channels[n % 20], type="incident.created", status="sent", sent_at=now,
            subject_id=incident.pk, payload_json={"title": incident.title},
        )
        for n in range(400)
    )  # fmt: skip
    return channels[0]


def _logs(places: list[Environment], now: datetime) -> None:
    LogEntry.objects.bulk_create(
        LogEntry(
            org_id=places[0].service.org_id, service_id=place.service_id, environment_id=place.pk,
            ts=now - timedelta(seconds=n), level=("error", "warn", "info", "info")[n % 4],
            message=f"GET /api/checkout/{n} answered 502 after 5431 ms: the payment provider timed out\n  at frame {n}",
            meta_json={"http": {"status": 502, "path": f"/api/checkout/{n}"}, "took_ms": n, "region": f"eu-{n % 9}"},
        )
        for n in range(1_000) for place in [places[n % len(places)]]
    )  # fmt: skip
