"""The demo's rules really fire on the demo's logs, and its messages stand in the outbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditLog
from alerts.models import AlertFiring, AlertRule
from incidents.evidence import Evidence
from incidents.models import Incident
from notifications.channels.posting import check_address
from notifications.channels.webhook import HOSTS
from notifications.delivery import deliver_due
from notifications.models import Channel, Job
from pulseops.core.outbound.client import RefusedError
from pulseops.demo import notifications
from pulseops.demo.fill import fill_demo
from pulseops.demo.story import BAD_DEPLOYMENT_BEFORE, BAD_DEPLOYMENT_LASTS, demo_logs
from tests.support.alerting import make_channel, tell
from tests.support.factories import make_org

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
    told = incident.events.filter(actor_user__isnull=False).order_by("created_at").values_list("type", flat=True)
    assert list(told) == ["investigating", "note", "note", "note", "resolved"]
    assert incident.events.filter(type="note", actor_user=None, message__contains="clear for 5 min").count() == 1
    assert not Incident.objects.filter(title__startswith="Many errors").exists()
    assert not AlertFiring.objects.going_on().filter(rule__type="error_count").exists()
    assert list(Incident.objects.live().values_list("status", flat=True).distinct().order_by("status")) == [
        "investigating",
        "open",
    ]
    assert AuditLog.objects.get(action="incident.resolved").created_at == incident.resolved_at
    assert_messages_are_told(incident)
    rules = AlertRule.objects.for_org(filled.org).count()
    fill_demo(now + timedelta(minutes=1), span=timedelta(hours=1))
    assert AlertRule.objects.for_org(filled.org).count() == rules


def assert_messages_are_told(incident: Incident) -> None:
    """Each channel heard of each change at its time; the first message to Discord took a second attempt."""
    assert set(Job.objects.values_list("status", "channel__failures")) == {("sent", 0)}
    about = Job.objects.filter(subject_id=incident.pk, channel__type="slack").order_by("sent_at")
    assert [job.type for job in about] == ["incident.created", "incident.investigating", "incident.resolved"]
    assert [job.created_at for job in about] == [incident.created_at, incident.investigating_at, incident.resolved_at]
    retried = Job.objects.get(attempts=2)
    assert retried.channel is not None
    assert retried.channel.type == "discord"
    assert retried.sent_at is not None
    assert retried.sent_at - retried.created_at > timedelta(minutes=1)
    assert all(channel.is_demo and channel.health == "ok" for channel in Channel.objects.all())


def test_what_it_says_reaches_no_channel_of_someones_own() -> None:
    org = make_org()
    own = make_channel(org, "https://hooks.slack.com/services/T000/B000/secret")
    notifications.fill(org, timezone.now())
    assert list(Channel.objects.all()) == [own]
    earlier, began = tell(org), timezone.now()
    tell(org)
    assert notifications.deliver(org, began) == 0
    assert list(Job.objects.all()) == earlier


def test_a_demo_channel_takes_what_comes_later_and_no_form_accepts_its_address() -> None:
    org = make_org()
    notifications.fill(org, timezone.now())
    tell(org)
    assert [each.status for each in deliver_due(5)] == ["sent", "sent"]
    with pytest.raises(RefusedError):
        check_address(Channel.objects.all()[0].webhook_url, HOSTS)


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_the_story_is_the_same_by_day_and_by_night(hour: int) -> None:
    """Few people shop at four in the morning; the rule must fire nevertheless, and at no other time."""
    now = datetime(2026, 3, 17, hour, 20, tzinfo=UTC)
    failures = sorted(
        line.at
        for line in demo_logs(now, span=timedelta(hours=6))
        if "payment provider timeout" in line.message and line.environment == "production"
    )
    begins = now - BAD_DEPLOYMENT_BEFORE
    fired = [last for first, last in zip(failures, failures[4:], strict=False) if last - first < timedelta(minutes=5)]
    assert begins < fired[0] < begins + timedelta(minutes=10)
    assert fired[-1] < begins + BAD_DEPLOYMENT_LASTS + timedelta(minutes=1)
