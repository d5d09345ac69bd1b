"""The rows that visited pages show: what the demo tells, something of all that it lacks, and as much again."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import AuditLog, Invitation, Membership, Org, Role, Session, User
from alerts.models import AlertFiring, AlertRule
from deployments.models import Deployment, GitHubIntegration, WebhookEffect
from incidents.models import Incident, IncidentEvent
from logs.cursor import LogCursor
from logs.models import LogEntry, SavedView
from notifications.models import Channel, Job
from pulseops.core.models import CronRun, Heartbeat
from pulseops.demo.fill import DEMO_EMAIL, fill_demo
from services.models import ApiKey, Environment, Service
from tests.support.factories import make_key, make_log, make_member, make_org, make_service, make_user

BUSY = "checkout"  # the demo's service that most happens to, and that more happens to in `grow`
_number = count(1)


FEW_HOURS = timedelta(hours=6)


def demo_org(now: datetime, *, span: timedelta = FEW_HOURS) -> Org:
    """Fill the demo's organisation with its story and with one of everything that it lacks.

    Its logs are those of the `span` before `now`: as many kinds in a few hours as in two days.
    """
    org = fill_demo(now, span=span).org
    grow(org, 1, now)
    return org


def grow(org: Org, times: int, now: datetime) -> None:
    """Add rows of every kind to `org`, to its busy service, and to the rows that `rows_of` names."""
    admin = User.objects.get(email=DEMO_EMAIL)
    for _ in range(times):
        number = next(_number)
        for add in (_people, _service, _happenings, _messages, _deliveries, _bookkeeping):
            add(org, admin, number, now)


def rows_of(org: Org) -> dict[str, object]:
    """Return ids of rows of `org` by the names of the routes' arguments; what it has none of is missing."""
    service = Service.objects.for_org(org).filter(name=BUSY).first()
    log = LogEntry.objects.for_org(org).filter(level="error", service=service).order_by("-ts").first()
    first: dict[str, QuerySet[Any]] = {
        "membership_id": Membership.objects.for_org(org).exclude(role=Role.ADMIN),
        "invitation_id": Invitation.objects.for_org(org),
        "session_id": Session.objects.filter(user__email=DEMO_EMAIL),
        "service_id": Service.objects.for_org(org).filter(name=BUSY),
        "environment_id": Environment.objects.filter(service=service, name="production"),
        "key_id": ApiKey.objects.filter(service=service, label="log shipper"),
        "view_id": SavedView.objects.for_org(org),
        "deployment_id": Deployment.objects.for_org(org).filter(service=service, status="success"),
        "effect_id": WebhookEffect.objects.for_org(org),
        "channel_id": Channel.objects.for_org(org),
        "job_id": Job.objects.for_org(org),
        "incident_id": Incident.objects.for_org(org).filter(rule_id__isnull=False, service=service),
        "rule_id": AlertRule.objects.for_org(org).filter(name="Many errors"),
    }
    found = {name: row.pk for name, rows in first.items() if (row := rows.order_by("pk").first())}
    return {**found, **({"address": LogCursor(log.ts, log.pk)} if log else {})}


def readers_of(org: Org) -> dict[str, User]:
    """Make someone of each kind that signs in."""
    outsider = make_user("outsider@pulseops.example")
    make_service(make_org("Northwind", admin=outsider), "other")
    seem_alive()
    root = User.objects.create_superuser("root@pulseops.example", "a long enough password")
    return {
        "newcomer": make_user("newcomer@pulseops.example"),
        "outsider": outsider,
        "viewer": make_member(org, Role.VIEWER),
        "developer": make_member(org, Role.DEVELOPER),
        "admin": make_member(org, Role.ADMIN),
        "superuser": make_member(org, Role.ADMIN, user=root),
    }


def seem_alive() -> None:
    """Give the heartbeats of worker and loop for some hours: no worker may change what is visited meanwhile."""
    for process in ("worker", "loop"):
        Heartbeat.objects.update_or_create(name=process, defaults={"beat_at": timezone.now() + timedelta(hours=4)})


def _people(org: Org, admin: User, number: int, now: datetime) -> None:
    member = make_member(org, Role.DEVELOPER, user=make_user(f"member{number}@pulseops.example", name=f"Kim {number}"))
    make_org(f"Side project {number}", admin=admin)
    Invitation.objects.create(
        org=org, email=f"new{number}@pulseops.example", role=Role.VIEWER, token_hash=f"t{number}", invited_by=member
    )
    Session.objects.create(
        user=admin, session_token_hash=f"s{number}", expires_at=now + timedelta(days=7), last_seen_at=now
    )
    for owner in (admin, member):
        SavedView.objects.create(org=org, owner=owner, name=f"Errors {number}", is_shared=True, params={"q": "boom"})


def _service(org: Org, admin: User, number: int, now: datetime) -> None:
    """Create a service in which everything happens, and more of all to the busy one."""
    service = make_service(org, f"worker-{number}", created_by=admin)
    busy = Service.objects.for_org(org).get(name=BUSY)
    environment = Environment.objects.create(service=busy, name=f"region-{number}")
    for each in (environment, service.environments.get(name="production")):
        make_key(each, label=f"key {number}", created_by=admin)
        make_key(each, label=f"old key {number}", revoked_at=now)
    for level in ("error", "info"):
        make_log(service, f"job {number} ended", level=level, ts=now - timedelta(minutes=number))
    rule = AlertRule.objects.create(
        org=org, service=service, name=f"Errors in worker {number}", type=AlertRule.Type.ERROR_COUNT, severity="high",
        params_json={"threshold": 3, "window_minutes": 5},
    )  # fmt: skip
    AlertFiring.objects.create(rule=rule, fired_at=now, fingerprint=f"f{number}")


def _happenings(org: Org, admin: User, number: int, now: datetime) -> None:
    """Let something be deployed and go wrong: in the busy place, in a calm one, and to the incident that is visited."""
    visited = rows_of(org)
    for name in (BUSY, f"worker-{number}"):
        place = Environment.objects.select_related("service").get(
            service__org=org, service__name=name, name="production"
        )
        scope: dict[str, Any] = {"org": org, "service": place.service, "environment": place}
        Deployment.objects.create(
            **scope, commit_sha=f"{number:07x}abc", commit_message=f"Change {number}", author=f"Kim {number}",
            status="success", status_changed_at=now - timedelta(hours=2, minutes=50 + number),
        )  # fmt: skip
        Incident.objects.create(
            **scope, title=f"Trouble {number} in {name}", severity="low", status="resolved", source="manual",
            resolved_at=now, created_at=now - timedelta(hours=1), assignee=admin,
        )  # fmt: skip
    incident, rule = visited["incident_id"], visited["rule_id"]
    IncidentEvent.objects.create(incident_id=incident, actor_user=_kim(number), type="note", message=f"Note {number}")
    AlertFiring.objects.create(
        rule_id=rule, fired_at=now - timedelta(days=number), resolved_at=now, fingerprint=f"g{number}",
        environment=place, incident_id=incident,
    )  # fmt: skip


def _kim(number: int) -> User:
    return User.objects.get(email=f"member{number}@pulseops.example")


def _messages(org: Org, _: User, number: int, now: datetime) -> None:
    config = {"webhook_url": f"https://hooks.slack.com/services/T/B/{number}"}
    channel = Channel.objects.create(org=org, type="slack", name=f"#team-{number}", config_json=config, failures=number)
    about = rows_of(org)["incident_id"]
    payload = {"title": f"Trouble {number}", "severity": "high", "scope": BUSY, "path": f"/incidents/{about}"}
    for status in (Job.Status.SENT, Job.Status.FAILED, Job.Status.PENDING):
        Job.objects.create(
            org=org, type="incident.created", status=status, channel=channel, subject_id=about, attempts=1,
            next_attempt_at=now + timedelta(days=1), last_error="404" if status == Job.Status.FAILED else None,
            payload_json=payload,
        )  # fmt: skip


def _deliveries(org: Org, _: User, number: int, now: datetime) -> None:
    service = Service.objects.for_org(org).get(name=BUSY)
    integration, _made = GitHubIntegration.objects.get_or_create(
        service=service, defaults={"repo_owner": "brightside", "repo_name": BUSY, "webhook_secret_hash": "w" * 64}
    )
    WebhookEffect.objects.create(
        integration=integration, delivery_id=f"d-{number}", event_type="workflow_run", payload_hash="p",
        received_at=now, result="applied", deployment=Deployment.objects.for_org(org).filter(service=service).first(),
    )  # fmt: skip


def _bookkeeping(org: Org, admin: User, number: int, now: datetime) -> None:
    for actor in (admin, _kim(number), None):
        AuditLog.objects.create(
            org=org, actor_user=actor, action=f"service.renamed_{number}", resource_type=f"service-{number}",
            resource_id=str(number), meta_json={"name": ["a", "b"]}, created_at=now,
        )  # fmt: skip
    CronRun.objects.create(job_name="trim_cron_runs", status="success", duration_ms=3, created_at=now)
    CronRun.objects.create(job_name="trim_audit_log", status="failure", meta_json={"error": "E"}, created_at=now)
