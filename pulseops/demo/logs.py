"""The demo's logs in the database: two days of the story (story.py), each line as if received when it happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection
from psycopg.types.json import Jsonb

from accounts.models import Org
from logs.models import LogEntry
from logs.storage import rollup
from logs.storage.partitions import EARLIEST
from pulseops.demo.story import SPAN, DemoLog, demo_logs
from services.models import Environment

_WORTH_FILLING = timedelta(minutes=2)  # a shorter hole shows in no chart
_MOST_FILLED = timedelta(hours=24)

_COPY = """
    COPY logs (org_id, service_id, environment_id, ts, created_at, level, message, meta_json, trace_id, request_id)
    FROM STDIN
"""


def fill(org: Org, now: datetime, span: timedelta = SPAN) -> int:
    """Store the story of the `span` before `now` in `org`; return how many lines.

    Lines of services that the organisation does not have are left out.
    """
    return _store(org, demo_logs(now, span=span))


def fill_gap(org: Org, now: datetime) -> int:
    """Store ordinary traffic for the time since the last line, a day at most; return how many lines.

    So that an installation that was off looks as if its services had gone on.
    """
    last = LogEntry.objects.for_org(org).filter(ts__lte=now).order_by("-ts").values_list("ts", flat=True).first()
    since = now - _MOST_FILLED if last is None else max(last, now - _MOST_FILLED)
    if now - since < _WORTH_FILLING:
        return 0
    lines = demo_logs(now, seed=int(now.timestamp()), span=now - since, is_told=False)
    return _store(org, lines, since.replace(second=0, microsecond=0))


def _store(org: Org, lines: Iterable[DemoLog], since: datetime = EARLIEST) -> int:
    scopes = {
        (environment.service.name, environment.name): environment
        for environment in Environment.objects.for_org(org).select_related("service")
    }
    stored = 0
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in _rows(scopes, lines):
            copy.write_row(row)
            stored += 1
    rollup.repair(since, org_id=org.pk)
    return stored


def _rows(scopes: Mapping[tuple[str, str], Environment], lines: Iterable[DemoLog]) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        environment = scopes.get((line.service, line.environment))
        if environment is None:
            continue
        scope = (environment.service.org_id, environment.service_id, environment.pk)
        yield (
            *scope,
            line.at,
            line.at,
            line.level,
            line.message,
            Jsonb(line.meta, msgspec.json.encode),
            line.trace_id,
            line.request_id,
        )
