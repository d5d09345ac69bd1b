"""What a rule saw stands in the message, so that whoever reads it need not look first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Org
from alerts.evaluate import evaluate
from deployments.models import Deployment
from incidents.models import Incident
from notifications.models import Job
from notifications.replies import notice_of
from tests.support.alerting import make_channel, make_rule, receive
from tests.support.factories import make_log, make_service

pytestmark = pytest.mark.django_db


def test_a_message_holds_what_the_rule_saw(org: Org) -> None:
    now = timezone.now()
    service = make_service(org, "payments")
    place = service.environments.get(name="production")
    deployed = Deployment.objects.create(
        org=org, service=service, environment=place, commit_sha="490b753" + "0" * 33, commit_message="Retry less",
        status="success", status_changed_at=now - timedelta(minutes=4), finished_at=now - timedelta(minutes=4),
    )  # fmt: skip
    for second in range(12):
        make_log(service, "older", level="error", ts=now - timedelta(seconds=130 + second))
    receive(place, 5, now, message="payment timeout after")
    make_channel(org, "https://hooks.slack.com/services/T/B/x")
    make_rule(org, name="Errors", params={"query": "payment"})
    evaluate([org.pk], now=now)
    incident, notice = Incident.objects.get(), notice_of(Job.objects.get())
    assert notice.text == "5 error logs in 5 min (the threshold is 3)."
    assert notice.pattern == "payment timeout after <n>"
    assert notice.lines == tuple(f"error payment timeout after {n}" for n in (4, 3, 2))
    facts = {fact.name: fact for fact in notice.facts}
    assert facts["First seen"].at == facts["Last seen"].at == now - timedelta(minutes=1)
    assert facts["Suspected deployment"].text == "490b753 Retry less (errors rose from 0 to 12)"
    assert notice.where == ""
    links = {link.label: link.path for link in notice.actions}
    assert list(links) == ["Open", "Logs", "Compare", "Acknowledge"]
    assert links["Open"] == f"/incidents/{incident.pk}?org={org.pk}"
    assert "payment" in links["Logs"]
    assert links["Logs"].endswith(f"&org={org.pk}")
    assert links["Compare"] == f"/deployments/{deployed.pk}?org={org.pk}#comparison"
