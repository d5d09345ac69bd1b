"""Which messages a channel gets, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditLog, Org, User
from incidents.actions import acknowledge_incident, change_severity, resolve_incident
from notifications.delivery import deliver_due
from notifications.models import Channel, Job
from notifications.routing import EVENTS, QuietHours, Routing, Subject
from tests.support import receivers
from tests.support.alerting import make_channel, make_incident, make_rule
from tests.support.factories import make_service

URL = "https://hooks.slack.com/services/T/B/x"
ClientFor = Callable[[User], Client]
NIGHT = {"zone": "Europe/Berlin", "since": "22:00", "until": "07:00", "passing": ["high"]}


@pytest.mark.parametrize(
    ("given_filter", "is_wanted"),
    [
        ({}, True),
        ({"severities": ["high"]}, True),
        ({"severities": ["low", "med"]}, False),
        ({"services": ["s-1", "s-2"]}, True),
        ({"services": ["s-2"]}, False),
        ({"environments": ["production"]}, True),
        ({"environments": ["staging"]}, False),
        ({"rules": [7]}, True),
        ({"rules": [8]}, False),
        ({"events": ["created"]}, True),
        ({"events": ["resolved"]}, False),
        ({"severities": ["high"], "environments": ["staging"]}, False),
        ({"severities": "odd", "rules": ["7"], "quiet": {"zone": "No/Where"}}, True),
    ],
)
def test_filters(given_filter: dict[str, object], is_wanted: bool) -> None:
    subject = Subject("created", "high", "s-1", "production", 7)
    assert Routing.from_json(given_filter).wants(subject) is is_wanted


def test_what_is_not_known_counts_as_wanted_and_manual_incidents_are_of_no_rule() -> None:
    routing = Routing.from_json({"services": ["s-1"], "environments": ["production"], "rules": [7]})
    assert routing.wants(Subject("created", "high", rule_id=7))
    assert routing.wants(Subject("created", "high"))
    assert not routing.wants(Subject("created", "high", is_of_rule=False))
    only_escalations = Routing.from_json({"events": ["escalated"]})
    assert only_escalations.wants(Subject("unwatched"))
    assert not only_escalations.wants(Subject("note"))


@given(
    st.builds(
        Routing,
        severities=st.frozensets(st.sampled_from(["low", "med", "high"])),
        events=st.frozensets(st.sampled_from(sorted(EVENTS))),
        rules=st.frozensets(st.integers(1, 9)),
        quiet=st.none() | st.builds(
            QuietHours,
            st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York"]),
            st.times().map(lambda at: time(at.hour, at.minute)),
            st.times().map(lambda at: time(at.hour, at.minute)),
            st.frozensets(st.sampled_from(["low", "high"])),
        ),
    )
)  # fmt: skip
def test_it_is_stored_and_read_again(routing: Routing) -> None:
    assert Routing.from_json(routing.to_json()) == routing
    assert routing.words


@pytest.mark.parametrize(
    ("at", "end"),
    [
        (datetime(2026, 1, 10, 20, 59, tzinfo=UTC), None),  # 21:59 in Berlin
        (datetime(2026, 1, 10, 21, 0, tzinfo=UTC), datetime(2026, 1, 11, 6, 0, tzinfo=UTC)),
        (datetime(2026, 1, 11, 5, 59, tzinfo=UTC), datetime(2026, 1, 11, 6, 0, tzinfo=UTC)),
        (datetime(2026, 1, 11, 6, 0, tzinfo=UTC), None),
        (datetime(2026, 3, 28, 22, 0, tzinfo=UTC), datetime(2026, 3, 29, 5, 0, tzinfo=UTC)),  # an hour is left out
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 6, 0, tzinfo=UTC)),  # and one is twice
    ],
)
def test_quiet_hours_in_a_zone(at: datetime, end: datetime | None) -> None:
    quiet = Routing.from_json({"quiet": NIGHT}).quiet
    assert quiet
    assert quiet.end_after(at) == end


@pytest.mark.django_db
def test_a_channel_gets_what_it_wants(org: Org) -> None:
    shop, other = make_service(org, "shop"), make_service(org, "other")
    everything = make_channel(org, URL, name="all")
    grave = make_channel(org, URL, name="grave", routing_json={"severities": ["high"], "events": ["created"]})
    of_shop = make_channel(org, URL, name="shop", routing_json={"services": [str(shop.pk)]})
    first = make_incident(org, environment=shop.environments.get(name="production"), severity="high")
    make_incident(org, environment=other.environments.get(name="production"), severity="low")
    resolve_incident(actor=None, incident=first)
    said = {
        (channel.name, job.type)
        for channel in (everything, grave, of_shop)
        for job in Job.objects.filter(channel=channel)
    }
    assert said == {
        ("all", "incident.created"),
        ("all", "incident.resolved"),
        ("grave", "incident.created"),
        ("shop", "incident.created"),
        ("shop", "incident.resolved"),
    }
    assert Job.objects.filter(channel=everything).count() == 3


@pytest.mark.django_db
@pytest.mark.usefixtures("loopback")
def test_quiet_hours_hold_a_message_and_the_grave_break_through(org: Org) -> None:
    at = datetime(2026, 1, 10, 23, 0, tzinfo=UTC)
    with receivers.receiver() as server, time_machine.travel(at, tick=False) as clock:
        channel = make_channel(org, server.url, routing_json={"quiet": NIGHT})
        incident = make_incident(org, severity="med")
        acknowledge_incident(actor=None, incident=incident)
        make_incident(org, "Another", severity="med")
        deliver_due(5)
        assert server.received == []
        Channel.objects.filter(pk=channel.pk).update(failures=1)  # healing releases nothing that is held
        change_severity(actor=None, incident=incident, severity="high")
        deliver_due(5)
        (digest,) = server.received
        text = str(digest.json)
        assert "3 updates" in text
        assert "Another" not in text
        clock.move_to(datetime(2026, 1, 11, 6, 0, 1, tzinfo=UTC))
        deliver_due(5)
        assert "Another" in str(server.received[1].json)
    assert set(Job.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.django_db
def test_the_form_saves_and_shows_what_would_have_come(org: Org, admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    channel = make_channel(org, URL, name="#on-call")
    rule = make_rule(org, name="Errors")
    make_incident(org, "Grave trouble", severity="high")
    make_incident(org, "Small trouble", severity="low")
    page = f"/settings/notifications/{channel.pk}/routing"
    assert "<strong>2</strong> of 2 incidents" in client.get(page).text
    values = {
        "severities": ["high"],
        "quiet_since": "22:00",
        "quiet_until": "07:00",
        "quiet_zone": "Europe/Berlin",
        "passing": ["high"],
    }
    preview = client.post(f"{page}/preview", values).text
    assert "<strong>1</strong> of 2 incidents" in preview
    assert preview.index("Grave trouble") < preview.index("Not sent") < preview.index("Small trouble")
    channel.refresh_from_db()
    assert channel.routing_json == {}
    assert "high · quiet 22:00 to 07:00" in client.post(page, values, follow=True).text
    channel.refresh_from_db()
    assert channel.routing_json == {"severities": ["high"], "quiet": NIGHT}
    assert AuditLog.objects.for_org(org).get(action="channel.routed").meta_json["to"] == channel.routing_json
    client.post(page, {"rules": [str(rule.pk)], "events": list(EVENTS)})
    channel.refresh_from_db()
    assert channel.routing_json == {"rules": [rule.pk]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"quiet_since": "22:00"}, "need a beginning, an end and a zone"),
        ({"quiet_since": "22:00", "quiet_until": "07:00", "quiet_zone": "Mars/Olympus"}, "no such zone"),
        ({"quiet_since": "07:00", "quiet_until": "07:00", "quiet_zone": "UTC"}, "the whole day"),
        ({"quiet_since": "25:00", "quiet_until": "07:00", "quiet_zone": "UTC"}, "Enter a valid time"),
        ({"services": ["x"]}, "Select a valid choice"),
        ({"rules": ["1 OR 1"]}, "Select a valid choice"),
    ],
)
def test_what_is_no_routing_is_refused(
    org: Org, admin: User, client_for: ClientFor, values: dict[str, object], said: str
) -> None:
    channel = make_channel(org, URL)
    answer = client_for(admin).post(f"/settings/notifications/{channel.pk}/routing", values)
    assert answer.status_code == 422
    assert said in answer.text


@pytest.mark.django_db
def test_a_rule_and_an_incident_that_reach_no_channel_say_so(org: Org, admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    make_service(org)
    channel = make_channel(org, URL, name="#on-call", routing_json={"severities": ["high"]})
    rule = make_rule(org, name="Small things", severity="low")
    assert "No channel is notified." in client.get(f"/alerts/{rule.pk}").text
    form = {"name": "x", "type": "error_count", "severity": "low", "threshold": "3", "cooldown_seconds": "300"}
    assert "No channel is notified." in client.post("/alerts/try", form).text
    assert "Notifies #on-call." in client.post("/alerts/try", {**form, "severity": "high"}).text
    assert "An alert rule notifies no channel." in client.get("/dashboard").text
    incident = make_incident(org, severity="low")
    assert "No channel is notified of this incident." in client.get(f"/incidents/{incident.pk}").text
    channel.routing_json = {}
    channel.save()
    assert "No channel is notified" not in client.get(f"/incidents/{incident.pk}").text
    assert Job.objects.filter(created_at__gte=timezone.now() - timedelta(minutes=1)).count() == 0
