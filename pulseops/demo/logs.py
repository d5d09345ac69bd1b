"""The demo's logs in the database: two days of the story (story.py), each line as if received when it happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

import msgspec
from django.db import connection

from accounts.models import Org
from logs.ingest.copy_format import NULL, copy_texts
from logs.models import LogEntry
from logs.storage import rollup
from logs.storage.partitions import EARLIEST
from pulseops.demo.story import SPAN, DemoLog, demo_logs
from services.models import Environment

_WORTH_FILLING = timedelta(minutes=2)  # a shorter hole shows in no chart
_MOST_FILLED = timedelta(hours=24)
_AT_ONCE = 2_000  # lines

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


def _store(org: Org, lines: Iterator[DemoLog], since: datetime = EARLIEST) -> int:
    scopes = {
        (environment.service.name, environment.name): f"{org.pk}\t{environment.service_id}\t{environment.pk}"
        for environment in Environment.objects.for_org(org).select_related("service")
    }
    stored = 0
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        while some := list(islice(lines, _AT_ONCE)):
            known = [(line, scope) for line in some if (scope := scopes.get((line.service, line.environment)))]
            copy.write(_written(known))
            stored += len(known)
    rollup.repair(since, org_id=org.pk)
    return stored


def _written(known: Sequence[tuple[DemoLog, str]]) -> str:
    """Write lines, each with its place, as COPY reads them: by columns, for one by one takes twice as long."""
    messages = copy_texts([line.message for line, _ in known], is_plain=False)
    metas = copy_texts([msgspec.json.encode(line.meta).decode() for line, _ in known], is_plain=False)
    rows = []
    for (line, scope), message, meta in zip(known, messages, metas, strict=True):
        at, trace, request = line.at.isoformat(), line.trace_id or NULL, line.request_id or NULL
        rows.append(f"{scope}\t{at}\t{at}\t{line.level}\t{message}\t{meta}\t{trace}\t{request}\n")
    return "".join(rows)
