"""Finds the logs of a trace or request by its id alone, however that is spelt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Org
from logs.search.operators import Equals
from logs.search.page import newest_page, prepare
from logs.search.printer import print_query
from logs.search.session import search_session
from logs.search.slices import Window
from logs.search.text import spellings_of_id
from logs.search.tree import Value, disjunction
from services.scopes import scopes_of

_FEWEST = 4  # letters of an id; fewer are a word whose beginning is typed
_KEPT, _AHEAD = timedelta(days=400), timedelta(hours=25)
_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class LogsOfId:
    """The newest log of an id: whether that is one of a trace or a request, when it was, the query for all."""

    name: str
    at: datetime
    query: str


def logs_of_id(org: Org, word: str) -> LogsOfId | None:
    """Return which logs of `org` have `word` as their trace or request id; None if none has, or it is no id."""
    spellings = spellings_of_id(word) if len(word) >= _FEWEST else []
    if not spellings:
        return None
    values = tuple(Value(each, quoted=True) for each in spellings)
    now = timezone.now()
    fields = [Equals("trace", values), Equals("request", values)]
    search = prepare(org.pk, disjunction(fields), scopes_of(org))
    with search_session(org.pk) as session:
        window = Window(now - _KEPT, now + _AHEAD)
        page = newest_page(session, search, window, now=now, seconds=_SECONDS, first=_KEPT, limit=1)
    if not page.rows:
        return None
    row = page.rows[0]
    name, value = ("trace", row.trace_id) if row.trace_id in spellings else ("request", row.request_id)
    return LogsOfId(name, row.ts, print_query(Equals(name, (Value(value or "", quoted=True),))))
