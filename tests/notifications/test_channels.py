"""Changing channels: what is written beside it, and what becomes of messages that wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditLog, Org, User
from accounts.quotas import QuotaError
from notifications.actions import (
    change_channel,
    create_channel,
    delete_channel,
    retry_job,
    send_test,
    switch_channel,
)
from notifications.models import Channel, Job
from notifications.tasks import trim_notifications
from notifications.webhook_addresses import with_address
from tests.support.alerting import make_channel, tell

pytestmark = pytest.mark.django_db
SECRET = "https://hooks.slack.com/services/T012345/B012345/abcdefghijklmnop"


def test_addresses_are_masked(org: Org) -> None:
    channel = make_channel(org, SECRET)
    assert channel.masked == "hooks.slack.com/…mnop"
    assert str(channel) == "Slack hooks.slack.com/…mnop"
    assert make_channel(org, "https://discord.com/a").masked == "discord.com/…"
    assert make_channel(org, "https://[broken").masked == "/…"


def test_the_address_is_read_under_its_old_name(org: Org) -> None:
    assert Channel(org=org, config_json={"webhookUrl": SECRET}).webhook_url == SECRET
    assert Channel(org=org, config_json="odd").webhook_url == ""


def test_audit_rows_hold_no_address(org: Org, admin: User) -> None:
    channel = create_channel(actor=admin, org=org, type="slack", name="ops", config=with_address({}, SECRET))
    change_channel(actor=admin, channel=channel, name="ops", config=with_address({}, SECRET))
    send_test(actor=admin, channel=channel)
    switch_channel(actor=admin, channel=channel, enabled=False)
    delete_channel(actor=admin, channel=channel)
    rows = list(AuditLog.objects.filter(action__startswith="channel.").order_by("id"))
    assert [row.action for row in rows] == [
        "channel.created", "channel.changed", "channel.tested", "channel.disabled", "channel.deleted",
    ]  # fmt: skip
    assert not [row for row in rows if "abcdefgh" in str(row.meta_json)]


def test_there_is_a_limit(org: Org, admin: User, settings: Any) -> None:
    settings.QUOTA_CHANNELS = 1
    make_channel(org, SECRET)
    with pytest.raises(QuotaError):
        create_channel(actor=admin, org=org, type="slack", name="", config=with_address({}, SECRET))


def test_switching_off_fails_what_waits_and_doing_it_twice_is_nothing(org: Org, admin: User) -> None:
    channel = make_channel(org, SECRET)
    (job,) = tell(org)
    assert switch_channel(actor=admin, channel=channel, enabled=False)
    assert not switch_channel(actor=admin, channel=channel, enabled=False)
    job.refresh_from_db()
    assert (job.status, job.last_error) == ("failed", "The channel was switched off before this was sent.")
    assert not retry_job(actor=admin, job=job)
    assert switch_channel(actor=admin, channel=channel, enabled=True)
    assert retry_job(actor=admin, job=job)


def test_deleting_keeps_the_messages(org: Org, admin: User) -> None:
    channel = make_channel(org, SECRET)
    (job,) = tell(org)
    delete_channel(actor=admin, channel=channel)
    job.refresh_from_db()
    assert (job.status, job.channel_id) == ("failed", None)
    assert not retry_job(actor=admin, job=job)


def test_old_messages_go(org: Org) -> None:
    make_channel(org, SECRET)
    sent, failed, pending, kept = (tell(org)[0] for _ in range(4))
    Job.objects.filter(pk__in=[sent.pk, kept.pk]).update(status="sent")
    Job.objects.filter(pk=failed.pk).update(status="failed")
    aged = Job.objects.filter(pk__in=[sent.pk, failed.pk, pending.pk])
    aged.update(created_at=timezone.now() - timedelta(days=91))
    assert trim_notifications() == {"sent": 1, "failed": 1, "attempts": 0, "received": 0}
    assert set(Job.objects.values_list("pk", flat=True)) == {pending.pk, kept.pk}
