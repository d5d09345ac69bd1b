"""The life of an incident: every change once, with its event, its audit row and its messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

import incidents
from accounts.models import AuditLog, Org, User
from incidents.actions import (
    acknowledge_incident,
    add_note,
    assign_incident,
    change_severity,
    edit_incident,
    move_incident,
    open_incident,
    reopen_incident,
    resolve_incident,
)
from incidents.evidence import DeploymentFact, Evidence, sample_line
from incidents.flapping import REOPENINGS
from incidents.models import Incident, IncidentEvent
from incidents.transitions import TRANSITIONS, Move, TransitionError
from notifications.models import Job
from tests.support.alerting import make_channel, make_incident
from tests.support.factories import make_org, make_service
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db
URL = "https://hooks.slack.com/services/x"


def story(incident: Incident) -> list[str]:
    return list(incident.events.order_by("id").values_list("type", flat=True))


def told(incident: Incident) -> list[str]:
    return list(Job.objects.filter(subject_id=incident.pk).order_by("created_at").values_list("type", flat=True))


def test_a_whole_life(org: Org, developer: User) -> None:
    make_channel(org, URL)
    incident = make_incident(org, actor=developer)
    assert acknowledge_incident(actor=developer, incident=incident)
    assert resolve_incident(actor=developer, incident=incident)
    assert reopen_incident(actor=developer, incident=incident)
    incident.refresh_from_db()
    assert (incident.status, incident.resolved_at, incident.assignee) == ("open", None, developer)
    assert incident.investigating_at is not None
    assert story(incident) == ["created", "investigating", "resolved", "reopened"]
    assert told(incident) == [f"incident.{event}" for event in story(incident)]
    actions = list(AuditLog.objects.for_org(org).order_by("id").values_list("action", flat=True))
    assert actions == [f"incident.{event}" for event in story(incident)]


@pytest.mark.parametrize("action", [acknowledge_incident, resolve_incident, reopen_incident])
def test_twice_is_neither_an_error_nor_a_second_event(org: Org, action: Callable[..., bool]) -> None:
    make_channel(org, URL)
    incident = make_incident(org)
    if action is reopen_incident:
        resolve_incident(actor=None, incident=incident)
    assert action(actor=None, incident=incident)
    before = (story(incident), told(incident), AuditLog.objects.count())
    assert not action(actor=None, incident=incident)
    assert (story(incident), told(incident), AuditLog.objects.count()) == before


def test_what_is_resolved_has_to_be_reopened_first(org: Org) -> None:
    incident = make_incident(org)
    resolve_incident(actor=None, incident=incident)
    with pytest.raises(TransitionError, match="Reopen it first"):
        acknowledge_incident(actor=None, incident=incident)


def test_a_rule_has_one_live_incident_for_a_scope(org: Org) -> None:
    environment = make_service(org).environments.get(name="production")
    first = make_incident(org, environment=environment, rule_id=7, fingerprint="f")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_incident(org, environment=environment, rule_id=7, fingerprint="f")
    resolve_incident(actor=None, incident=first)
    second = make_incident(org, environment=environment, rule_id=7, fingerprint="f")
    with pytest.raises(TransitionError, match=f"#{second.pk}"):
        reopen_incident(actor=None, incident=first)


def test_a_raised_severity_escalates_and_a_lowered_one_does_not(org: Org) -> None:
    make_channel(org, URL)
    incident = make_incident(org, severity="med")
    assert change_severity(actor=None, incident=incident, severity="high")
    assert not change_severity(actor=None, incident=incident, severity="high")
    assert change_severity(actor=None, incident=incident, severity="low")
    assert story(incident) == ["created", "escalated", "severity"]
    assert told(incident) == ["incident.created", "incident.escalated"]


def test_only_members_can_be_assigned(org: Org, developer: User, outsider: User) -> None:
    incident = make_incident(org)
    assert assign_incident(actor=None, incident=incident, assignee=developer)
    assert not assign_incident(actor=None, incident=incident, assignee=developer)
    with pytest.raises(ValueError, match="not a member"):
        assign_incident(actor=None, incident=incident, assignee=outsider)
    assert assign_incident(actor=None, incident=incident, assignee=None)


def test_words_can_be_changed(org: Org) -> None:
    incident = make_incident(org, "Old")
    assert edit_incident(actor=None, incident=incident, title="New", description="")
    assert not edit_incident(actor=None, incident=incident, title="New", description="")
    assert incident.events.get(type="edited").message == "Changed the title."


def test_a_note_may_tell_of_another_time(org: Org, developer: User) -> None:
    incident = make_incident(org)
    then = timezone.now() - timedelta(minutes=20)
    note = add_note(actor=developer, incident=incident, text="The pager rang.", happened_at=then)
    assert note.at == then
    assert add_note(actor=developer, incident=incident, text="Now.").happened_at is None


def test_a_failure_in_the_middle_leaves_nothing(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    make_channel(org, URL)
    incident = make_incident(org)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("incidents.actions.announce_move", broken)
    with pytest.raises(RuntimeError):
        resolve_incident(actor=None, incident=incident)
    incident.refresh_from_db()
    assert (incident.status, story(incident), told(incident)) == ("open", ["created"], ["incident.created"])


def test_evidence_survives_its_column(org: Org) -> None:
    now = timezone.now()
    lines = (sample_line(7, now, "error", "x" * 5000),)
    evidence = Evidence(now, 12, 10, 5, "error", "path:/x", lines, DeploymentFact(3, "abc", "Fix", "success", now))
    incident = make_incident(org, rule_id=1, fingerprint="f", evidence=evidence)
    incident.refresh_from_db()
    assert Evidence.from_json(incident.evidence_json) == evidence
    assert len(lines[0].message) == 1000
    assert evidence.words == "12 error logs in 5 min (the threshold is 10)."
    for odd in (None, {}, [], {"at": "x"}, {**evidence.to_json(), "samples": 7}):
        assert Evidence.from_json(odd) is None


def test_migration_leaves_one_live_incident_for_a_rule_and_scope(org: Org) -> None:
    environment = make_service(org).environments.get(name="production")
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX incidents_live_key")
    made = [make_incident(org, environment=environment, rule_id=7, fingerprint="f") for _ in range(3)]
    other = make_incident(org, environment=environment, rule_id=8, fingerprint="f")
    script = Path(str(incidents.__file__)).parent / "migrations" / "0003_one_live_incident.sql"
    with connection.cursor() as cursor:
        cursor.execute(script.read_text())
    assert list(Incident.objects.live().order_by("id")) == [made[2], other]
    assert story(made[0]) == ["created", "resolved"]


@pytest.mark.django_db(transaction=True)
def test_eight_people_at_once_make_one_event() -> None:
    org = make_org()
    make_channel(org, URL)
    incident = make_incident(org)
    changed: list[bool] = []

    def resolve() -> None:
        changed.append(resolve_incident(actor=None, incident=Incident.objects.get(pk=incident.pk)))

    assert at_once(*[resolve] * 8) == [None] * 8
    assert sorted(changed) == [False] * 7 + [True]
    assert story(incident) == ["created", "resolved"]
    assert told(incident) == ["incident.created", "incident.resolved"]


class AnyLife(TestCase):
    """Whatever people press in whichever order: an event and a message for each change of state, and none besides.

    Fewer messages once it flaps: see `incidents/flapping.py`.
    """

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.sampled_from(list(Move)), max_size=12))
    def test_events_are_changes(self, moves: list[Move]) -> None:
        org = make_org()
        make_channel(org, URL)
        environment = make_service(org).environments.get(name="production")
        incident = open_incident(actor=None, org=org, environment=environment, title="t", severity="low")
        changes = reopenings = 0
        messages = ["incident.created"]
        for move in moves:
            before = incident.status
            try:
                changed = move_incident(actor=None, incident=incident, move=move)
            except TransitionError:
                changed = False
            incident.refresh_from_db()
            assert changed == (incident.status != before)
            assert (incident.resolved_at is None) == incident.is_live
            changes += changed
            reopenings += changed and move is Move.REOPEN
            if changed and move is Move.REOPEN:
                if reopenings > REOPENINGS:
                    messages.pop()  # the resolution was held back, and is not true any more
                else:
                    messages.append("incident.flapping" if reopenings == REOPENINGS else "incident.reopened")
            elif changed:
                messages.append(f"incident.{TRANSITIONS[move].event}")
        assert IncidentEvent.objects.filter(incident=incident).count() == changes + 1
        assert told(incident) == messages
