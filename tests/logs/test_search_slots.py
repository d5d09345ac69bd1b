"""Places of slow searches: an organisation's own, and those that all heavy ones share."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from accounts.models import Org
from logs.search import slots
from logs.search.session import QUICK_SECONDS, search_session
from logs.search.slots import SearchBusyError, SearchMeter, take_slot
from pulseops.core.db.statement_timeout import QueryTimeoutError
from services.models import Service
from tests.core.test_priority import niceness
from tests.logs.conftest import locks_taken, slots_taken
from tests.support.factories import make_org


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> SearchMeter:
    meter = SearchMeter(lambda: 0.0)
    for module in ("logs.search.slots", "logs.search.session"):
        monkeypatch.setattr(f"{module}.search_meter", meter)
    return meter


def test_time_is_added_up_by_the_minute() -> None:
    now, org_id = [0.0], uuid4()
    meter = SearchMeter(lambda: now[0])
    meter.add(org_id, 2)
    meter.add(org_id, 3)
    meter.add(uuid4(), 7)
    now[0] = 59.9
    assert meter.seconds(org_id) == 5
    now[0] = 60.0
    assert meter.seconds(org_id) == 0
    meter.add(org_id, 1)
    assert meter.seconds(org_id) == 1


@pytest.mark.django_db
def test_the_only_organisation_is_never_heavy(org: Org, meter: SearchMeter) -> None:
    meter.add(org.pk, 1_000)
    Org.objects.exclude(pk=org.pk).delete()
    assert not slots.is_heavy(org.pk)
    make_org()
    assert slots.is_heavy(org.pk)
    Org.objects.exclude(pk=org.pk).update(suspended_at=timezone.now())
    assert not slots.is_heavy(org.pk)


@pytest.mark.django_db
def test_heavy_organisations_leave_a_processor_to_the_others(
    org: Org, meter: SearchMeter, settings: LazySettings
) -> None:
    settings.LOG_SEARCH_HEAVY_SLOTS = 1
    light = make_org()
    meter.add(org.pk, 6)
    meter.add(light.pk, 4)
    with locks_taken("logs.search.heavy:0"):
        with pytest.raises(SearchBusyError):
            take_slot(org.pk)
        take_slot(light.pk).release()
    take_slot(org.pk).release()
    with locks_taken(f"logs.search:{org.pk}:0", f"logs.search:{org.pk}:1"):  # nothing was kept by mistake
        take_slot(light.pk).release()


@pytest.mark.django_db
@pytest.mark.plain_database("renices the process of the embedded server")
def test_what_is_slow_gives_way_while_it_has_its_place(org: Org, meter: SearchMeter) -> None:
    make_org()
    usual = niceness(connection)
    for used, is_slow, lower in ((0, False, 0), (0, True, 5), (2, False, 5), (4, False, 10), (0, True, 10)):
        meter.add(org.pk, used)
        slot = take_slot(org.pk, is_slow=is_slow)
        assert niceness(connection) == usual + lower
        slot.release()
        assert niceness(connection) == usual


@pytest.mark.django_db
def test_a_statement_without_a_slot_has_a_moment(service: Service, meter: SearchMeter) -> None:
    org = service.org
    make_org()
    for used, has_time in ((0.0, True), (6.0, False)):
        meter.add(org.pk, used)
        with slots_taken(org), search_session(org.pk, may_be_slow=True) as session:
            with pytest.raises(QueryTimeoutError):
                session.fetch("SELECT pg_sleep(5)", [], seconds=5)
            assert session.is_busy
            assert (session.elapsed() > QUICK_SECONDS) is has_time
            assert not session.may_go_on()
    with search_session(org.pk, may_be_slow=True) as session:  # with a slot it may take what it needs
        assert session.fetch("SELECT pg_sleep(0.2), 1", [], seconds=5)[0][1] == 1
        assert not session.is_busy
    assert meter.seconds(org.pk) > 6.2
