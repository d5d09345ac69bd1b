from __future__ import annotations

from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Membership, Org, User
from logs.models import LogCount, LogEntry
from pulseops.demo.fill import (
    DEMO_EMAIL,
    DEMO_ORG,
    demo_keys,
    demo_org,
    demo_password,
    fill_demo,
    is_planned,
    plan_demo,
    remember_demo,
    sign_ins,
)
from pulseops.demo.logs import fill_gap
from pulseops.demo.story import BAD_DEPLOYMENT_BEFORE, BAD_DEPLOYMENT_LASTS, SPAN
from tests.support.factories import PASSWORD, make_log, make_org, make_service, make_user


@pytest.mark.django_db
def test_demo_has_its_story_and_may_be_asked_for_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    assert demo_password() is None
    call_command("demo", verbosity=0)
    org = Org.objects.get()
    password = demo_password()
    assert password
    assert User.objects.get(email=DEMO_EMAIL).check_password(password)
    assert set(Membership.objects.for_org(org).values_list("role", flat=True)) == {"admin", "developer", "viewer"}
    logs = LogEntry.objects.for_org(org)
    before = logs.count()
    assert before > 10_000
    assert logs.order_by("ts")[0].ts > timezone.now() - SPAN * 1.01
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(count) FROM log_counts WHERE org_id = %s", [org.pk])
        assert cursor.fetchone()[0] == logs.count()
    assert errors(org, 0.1, 0.9) > 5 * max(1, errors(org, -0.9, -0.1), errors(org, 1.1, 1.9))

    monkeypatch.setattr("pulseops.management.commands.demo.fill_demo", partial(fill_demo, span=timedelta(hours=1)))
    call_command("demo", verbosity=0)
    assert logs.count() > before
    assert demo_password() == password
    assert Org.objects.count() == 1
    assert User.objects.count() == 3


@pytest.fixture
def planned(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `manage.py up` leaves for its program `demo` on a first start; its story is a short one here."""
    settings.DATA_DIR, settings.DEMO_LIVE = tmp_path, False
    monkeypatch.setattr("pulseops.management.commands.demo.fill_demo", partial(fill_demo, span=timedelta(hours=1)))
    monkeypatch.setattr("pulseops.management.commands.demo._is_the_only_one", lambda _: True)  # a lock until we end
    plan_demo()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("planned")
def test_a_planned_demo_is_filled_once_and_its_sign_ins_are_printed_when_they_work() -> None:
    make_org("Acme", admin=make_user())  # who signed up while it was filled
    call_command("demo", "--live", stdout=(said := StringIO()))
    assert said.getvalue().splitlines()[:3] == sign_ins()
    org = demo_org()
    assert org
    assert not is_planned()
    before = LogEntry.objects.for_org(org).count()
    plan_demo()  # killed after the commit, before the plan was forgotten
    call_command("demo", "--live")
    assert not is_planned()
    assert LogEntry.objects.for_org(org).count() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("planned")
def test_a_fill_that_fails_leaves_nothing_and_stays_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulseops.demo.notifications.deliver", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call_command("demo", "--live")
    assert is_planned()
    assert not Org.objects.exists()
    assert not User.objects.exists()
    assert not LogEntry.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("planned")
def test_a_planned_demo_whose_address_is_taken_is_given_up() -> None:
    make_user(DEMO_EMAIL)
    call_command("demo", "--live", stderr=(said := StringIO()))
    assert DEMO_EMAIL in said.getvalue()
    assert not is_planned()
    assert not Org.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_demo_is_known_by_the_id_that_was_written_down(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    theirs = make_org(DEMO_ORG, admin=make_user("stranger@example.org"))
    assert demo_org() is None
    ours = make_org(DEMO_ORG)
    remember_demo(ours)
    Org.objects.filter(pk=theirs.pk).update(created_at=ours.created_at - timedelta(days=1))
    assert demo_org() == ours
    Org.objects.filter(pk=ours.pk).update(deleted_at=timezone.now())
    assert demo_org() is None


@pytest.mark.django_db
def test_a_demo_without_a_written_id_is_known_by_keys_that_only_this_machine_makes(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    ours = make_org(DEMO_ORG, admin=make_user())
    make_service(ours, "web", created_by=ours.memberships.get().user)
    assert demo_org() is None
    demo_keys(ours)
    assert demo_org() == ours
    settings.DATA_DIR = tmp_path / "another machine"
    assert demo_org() is None


@pytest.mark.django_db
def test_an_address_of_the_demo_that_a_stranger_took_stays_theirs(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    make_user(DEMO_EMAIL)
    with pytest.raises(CommandError, match=DEMO_EMAIL):
        call_command("demo", verbosity=0)
    assert User.objects.get().check_password(PASSWORD)
    assert not Org.objects.exists()


def errors(org: Org, start: float, end: float) -> int:
    """Count checkout's errors in production between two times, in lengths of the bad deployment from its begin."""
    begins = LogEntry.objects.for_org(org).order_by("-ts")[0].ts - BAD_DEPLOYMENT_BEFORE
    found = LogEntry.objects.for_org(org).filter(
        level="error", service__name="checkout", environment__name="production"
    )
    return found.filter(
        ts__gte=begins + start * BAD_DEPLOYMENT_LASTS, ts__lt=begins + end * BAD_DEPLOYMENT_LASTS
    ).count()


@pytest.mark.django_db
def test_the_time_in_which_nothing_ran_is_filled_with_ordinary_traffic() -> None:
    service = make_service(make_org(), "checkout")
    now = timezone.now()
    make_log(service, "the last line", ts=now - timedelta(hours=2))
    stored = fill_gap(service.org, now)
    new = LogEntry.objects.exclude(message="the last line").order_by("ts")
    assert new.count() == stored > 100
    assert new[0].ts >= now - timedelta(hours=2)
    assert timedelta() <= now - new[stored - 10].ts < timedelta(minutes=15)
    assert new.filter(level="error").count() < stored / 20
    assert sum(LogCount.objects.values_list("count", flat=True)) == stored + 1
    assert fill_gap(service.org, now) == 0
