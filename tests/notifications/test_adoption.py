"""What other software left in the outbox (adoption.md) is read, and no row of it is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

import notifications
from accounts.models import Org
from notifications.models import Channel, Job
from tests.support.factories import make_org

pytestmark = pytest.mark.django_db
SCRIPT = Path(str(notifications.__file__)).parent / "migrations" / "0005_adopt.sql"
URL = "https://hooks.slack.com/services/old"


def old_job(org: Org, url: str, status: str = "pending", **payload: str) -> Job:
    body = {"webhookUrl": url, "title": "Old trouble", "link": "http://localhost:3000/x", **payload}
    return Job.objects.create(org=org, type="slack", payload_json=body, status=status)


def test_old_channels_and_jobs(org: Org) -> None:
    channel = Channel.objects.create(
        org=org, type="slack", config_json={"webhookUrl": URL, "note": "kept"}, enabled=None
    )
    known = old_job(org, URL, event="incident.resolved", link="http://localhost:3000/incidents/7")
    elsewhere = old_job(make_org(), URL)
    interrupted = old_job(org, URL, status="processing", event="")
    Job.objects.filter(pk=interrupted.pk).update(attempts=None)
    off_url = f"{URL}/off"
    Channel.objects.create(org=org, type="slack", config_json={"webhookUrl": off_url}, enabled=False)
    switched_off = old_job(org, off_url)
    for _ in range(2):  # a second run changes nothing
        with connection.cursor() as cursor:
            cursor.execute(SCRIPT.read_text())
    for row in (channel, known, elsewhere, interrupted, switched_off):
        row.refresh_from_db()
    assert channel.config_json == {"webhook_url": URL, "note": "kept"}
    assert channel.enabled
    assert (known.type, known.status, known.channel_id) == ("incident.resolved", "pending", channel.pk)
    assert (interrupted.type, interrupted.status, interrupted.attempts) == ("incident.created", "pending", 0)
    assert (elsewhere.status, elsewhere.channel_id) == ("failed", None)
    assert (switched_off.status, switched_off.last_error) == ("failed", "The channel of this message is switched off.")
    assert known.payload_json["path"] == "/incidents/7"
    assert "path" not in interrupted.payload_json
