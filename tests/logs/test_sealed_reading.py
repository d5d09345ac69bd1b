"""What rules, incidents, comparisons and previews read of logs is the same of rows and of what is sealed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Org
from logs import reading
from logs.reading import LogScope, Matching, Moment, Query, Sides
from logs.storage.rollup import repair
from services.models import Environment, Service
from services.scopes import scopes_of
from tests.support.factories import make_service
from tests.support.sealing import seal_everything

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def services(org: Org) -> list[Service]:
    chance = random.Random(3)
    made = [make_service(org, name) for name in ("api", "worker")]
    places = [each for service in made for each in service.environments.order_by("name")]
    rows = []
    for number in range(400):
        place, ts = chance.choice(places), NOW - timedelta(seconds=chance.randrange(7_000), microseconds=number)
        late = timedelta(seconds=chance.choice([0, 0, 5, 1_200]))
        level = chance.choice(["debug", "info", "warn", "error", "error"])
        message = f"{chance.choice(['payment failed', 'GET /orders', 'tick'])} {number}"
        rows.append([org.pk, place.service_id, place.pk, ts, ts + late, level, message, f'{{"n": {number % 7}}}'])
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO logs (org_id, service_id, environment_id, ts, created_at, level, message, meta_json) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )
    repair(org_id=org.pk)
    return made


def answers(org: Org, service: Service) -> list[Any]:
    scopes, environment = scopes_of(org), service.environments.get(name="production")
    scope = LogScope(org.pk, service.pk, environment.pk)
    places = [LogScope(org.pk, each.service_id, each.pk) for each in Environment.objects.order_by("pk")]
    windows = [MINUTE, 20 * MINUTE, 90 * MINUTE]
    sides = Sides(NOW - 60 * MINUTE, NOW - 30 * MINUTE, NOW)
    moments = [Moment(number, service.pk, environment.pk, NOW - number * 7 * MINUTE) for number in range(1, 6)]
    found: list[Any] = [
        sorted(reading.count_received(org.pk, windows, NOW, only_errors=only_errors, seconds=9))
        for only_errors in (True, False)
    ]
    for matching in (
        Matching(),
        Matching("error"),
        Matching("", "payment"),
        Matching("warn", "n:>3"),
        Matching("", "nowhere"),
    ):
        query = Query(org.pk, scopes, NOW - 80 * MINUTE, matching)
        within = {"start": NOW - 70 * MINUTE, "end": NOW, "step": 3 * MINUTE, "seconds": 9.0}
        found += [
            sorted(reading.count_steps(query, service_id=its, environment_id=environments, **within))  # type: ignore[arg-type]
            for its, environments in ((None, None), (service.pk, environment.pk))
        ]
        found += [
            reading.count_received_matching(query, NOW, seconds=9),
            reading.heard_from(query, places, NOW - 10 * MINUTE, seconds=9),
            reading.sample_lines(query, scope, NOW, limit=5, seconds=9),
            reading.count_bars(scope, query, NOW, width=5 * MINUTE, origin=NOW - 500 * MINUTE, seconds=9),
        ]
    found += [reading.count_on_sides(scope, sides, most=most, seconds=9) for most in (3, 10_000)]
    found += [sorted(reading.error_messages(scope, sides, length=9, most=most, seconds=9)) for most in (3, 10_000)]
    found += [sorted(reading.errors_around(org.pk, moments, within).items()) for within in (10 * MINUTE, 33 * MINUTE)]
    found += [reading.errors_around(org.pk, [], MINUTE)]
    found += [reading.newest_of_service(service, since=NOW - 50 * MINUTE, limit=limit) for limit in (7, 1_000)]
    return found


@pytest.mark.django_db
def test_rows_and_blocks_give_the_same_answers(
    org: Org, services: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logs.storage.blocks.seal._WORTH_MERGING", 0)
    of_rows = answers(org, services[0])
    assert all(of_rows[:4])
    seal_everything(NOW - 45 * MINUTE, most=15)
    assert answers(org, services[0]) == of_rows
    seal_everything(most=40)
    assert answers(org, services[0]) == of_rows
