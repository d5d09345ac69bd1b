"""The demo's rules really fire on the demo's logs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditLog
from alerts.models import AlertFiring, AlertRule
from incidents.evidence import Evidence
from incidents.models import Incident
from notifications.models import Job
from pulseops.demo import fill_demo

pytestmark = pytest.mark.django_db


def test_the_bad_deployment_opened_an_incident_and_its_rollback_ended_it(settings: Settings, tmp_path: object) -> None:
    settings.DATA_DIR = tmp_path
    now = timezone.now()
    filled = fill_demo(now)
    assert filled.incidents == Incident.objects.for_org(filled.org).count() >= 3
    incident = Incident.objects.get(title="Payments time out: checkout / production")
    assert now - timedelta(hours=3) < incident.created_at < now - timedelta(hours=2, minutes=45)
    assert incident.status == "resolved"
    assert incident.detections > 5
    evidence = Evidence.from_json(incident.evidence_json)
    assert evidence is not None
    assert evidence.deployment is not None
    assert "payment provider" in evidence.deployment.title
    assert len(evidence.samples) == 5
    assert incident.events.filter(type="note").count() == 3
    assert not AlertFiring.objects.going_on().filter(rule__type="error_count").exists()
    assert Job.objects.count() == 0
    assert AuditLog.objects.for_org(filled.org).filter(action="incident.created").exists()
    rules = AlertRule.objects.for_org(filled.org).count()
    fill_demo(now + timedelta(minutes=1))
    assert AlertRule.objects.for_org(filled.org).count() == rules
