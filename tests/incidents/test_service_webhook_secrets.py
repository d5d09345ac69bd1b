"""The secrets of PagerDuty's and Opsgenie's webhooks: shown once, rotated with an overlap, replaced or removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditLog, Org, User
from notifications.channels.secrets import encrypted, secret_in, valid_secrets
from notifications.models import Channel
from tests.incidents.test_service_webhooks import (
    SECRET,
    SERVERS,
    body_of,
    key_of,
    make_service_channel,
    result_of,
    send,
)
from tests.support.alerting import make_channel, make_incident

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]
ClientFor = Callable[[User], Client]


def test_the_secret_of_opsgenie_is_shown_once_and_rotated_with_an_overlap(
    org: Org, admin: User, client_for: ClientFor
) -> None:
    client = client_for(admin)
    values = {"type": "opsgenie", "name": "duty", "api_key": "k" * 20, "server": SERVERS["opsgenie"]}
    made = client.post("/settings/notifications/new?type=opsgenie", values, follow=True).text
    channel = Channel.objects.get()
    (first,) = valid_secrets(channel.config_json)
    assert first in made
    assert first not in client.get(f"/settings/notifications/{channel.pk}").text
    shown = client.post(f"/settings/notifications/{channel.pk}/secret", follow=True).text
    channel.refresh_from_db()
    second, previous = valid_secrets(channel.config_json)
    assert second in shown
    assert previous == first
    assert AuditLog.objects.filter(action="channel.secret_rotated").count() == 1
    body = body_of("opsgenie", "acknowledge", key_of(make_incident(org)))
    assert result_of(send(channel, body, secret=first)) == "Acknowledged."
    channel.config_json["previous_secret_until"] = timezone.now().isoformat()
    channel.save()
    assert send(channel, body, secret=first).status_code == 401


def test_an_optional_secret_is_replaced_or_removed(org: Org, admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    duty = make_service_channel(org)
    slack = make_channel(org, "https://hooks.slack.com/services/T/B/x")
    slack.config_json |= encrypted("signing_secret", SECRET)
    slack.save()
    for channel, name in ((duty, "webhook_secret"), (slack, "signing_secret")):
        page, values = f"/settings/notifications/{channel.pk}", {"name": "duty", "server": SERVERS["pagerduty"]}
        assert f"Remove the {name.replace('_', ' ')}" in client.get(page).text
        for sent, left in (({}, SECRET), ({name: "another"}, "another"), ({name: "x", f"remove_{name}": "on"}, "x"),
                           ({f"remove_{name}": "on"}, "")):  # fmt: skip
            assert client.post(page, {**values, **sent}).status_code == 302
            channel.refresh_from_db()
            assert secret_in(channel.config_json, name) == left
        assert "Remove the" not in client.get(page).text
    assert secret_in(duty.config_json, "routing_key") == "r" * 32
    assert slack.webhook_url.endswith("/T/B/x")
