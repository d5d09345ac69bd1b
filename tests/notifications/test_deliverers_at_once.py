"""Several workers on one outbox: each message goes out once."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest
from pytest_django import Settings

from notifications.delivery import deliver_due
from notifications.models import Job
from tests.support import receivers
from tests.support.alerting import make_channel, tell
from tests.support.factories import make_org
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 8


def test_eight_deliverers_send_each_message_once(settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]
    with receivers.receiver() as server:
        for _ in range(15):
            org = make_org()
            for _ in range(4):
                make_channel(org, f"{server.url}/{uuid.uuid4()}")
            tell(org)

        def work() -> None:
            while Job.objects.outstanding().exists():
                deliver_due(10)

        assert at_once(*[work] * WORKERS) == [None] * WORKERS
    assert Counter(Job.objects.values_list("status", flat=True)) == {"sent": 60}
    assert Counter(Job.objects.values_list("attempts", flat=True)) == {1: 60}
    assert len(server.received) == 60
    assert len({each.headers["idempotency-key"] for each in server.received}) == 60
