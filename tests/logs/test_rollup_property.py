"""Whatever happens to logs, in whatever order: the counts equal the rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Org
from logs.models import LogEntry
from logs.tasks import delete_expired_logs, keep_log_partitions, merge_log_counts
from services.models import Environment, Service
from tests.logs.conftest import Send
from tests.logs.test_partitions import as_counted
from tests.support.factories import make_key, make_service

ages = st.floats(min_value=-20, max_value=20 * 24)  # hours
sends = st.tuples(st.just("send"), st.integers(0, 3), st.lists(ages, min_size=1, max_size=6))
steps = sends | st.tuples(
    st.sampled_from(["merge", "days", "expire", "shorten", "lengthen", "delete"]), st.integers(0, 3), st.just([])
)


@pytest.mark.django_db
@given(history=st.lists(steps, min_size=3, max_size=14))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_equal_rows(send: Send, history: list[tuple[str, int, list[float]]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM orgs")  # with all of what the example before left
    org = Org.objects.create(name="Acme")
    environments = [e for _ in range(2) for e in make_service(org, retention_days=21).environments.all()]
    keys = [make_key(environment) for environment in environments]

    def post(place: int, hours: list[float]) -> None:
        now = timezone.now()
        entries = [
            {"message": "a", "level": ["info", "error"][n % 2], "timestamp": (now - timedelta(hours=age)).isoformat()}
            for n, age in enumerate(hours)
        ]
        assert send(entries, x_api_key=keys[place], prefer="handling=lenient").status_code in {200, 403}

    def keep(place: int, days: int) -> None:
        Service.objects.filter(pk=environments[place].service_id).update(retention_days=days)

    does: dict[str, Callable[[int, list[float]], object]] = {
        "send": post,
        "merge": lambda *_: merge_log_counts(),
        "days": lambda *_: keep_log_partitions(),
        "expire": lambda *_: delete_expired_logs(),
        "shorten": lambda place, _: keep(place, 3),
        "lengthen": lambda place, _: keep(place, 21),
        "delete": lambda place, _: Environment.objects.filter(pk=environments[place].pk).delete(),
    }
    for step, place, hours in history:
        does[step](place, hours)
        assert sum(as_counted().values()) == LogEntry.objects.count()
