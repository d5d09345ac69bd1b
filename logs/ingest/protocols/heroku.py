"""Heroku's logplex: POST /drains/heroku, frames of syslog.

Source: devcenter.heroku.com, "Log Drains", HTTPS drains.
"""

from __future__ import annotations

import re
from itertools import islice

from django.http import HttpRequest, HttpResponse

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.documents import DOCUMENT_COST
from logs.ingest.foreign_body import check_count, most_logs
from logs.ingest.protocols.base import ForeignProtocol
from logs.ingest.rows import Row, batch_of
from logs.ingest.store import Answer
from logs.ingest.syslog import frames_of, read_line
from pulseops.core.web.json_errors import ApiError

_FRAME_ID = re.compile(r"[!-~]{1,100}\Z")
_ROUTERS_ERROR = re.compile(r"\bat=error\b|\bstatus=5\d\d\b")


class HerokuDrain(ForeignProtocol):
    """A frame that is sent again has the same Logplex-Frame-Id, and is stored once."""

    name = "heroku"

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        frames = list(islice(frames_of(body), most_logs(DOCUMENT_COST) + 1))
        check_count(len(frames), DOCUMENT_COST)
        return batch_of([_row(frame, window) for frame in frames], window)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        return HttpResponse(status=204)

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        return error.response()

    def idempotency_key(self, request: HttpRequest) -> str | None:
        frame_id: str = request.META.get("HTTP_LOGPLEX_FRAME_ID", "")
        return f"heroku:{frame_id}" if _FRAME_ID.match(frame_id) else None


def _row(frame: bytes, window: AcceptedTimes) -> Row:
    row = read_line(frame, window.received_at)
    if row[1] != "error" and _ROUTERS_ERROR.search(row[2][:2_000]):
        return (row[0], "error", *row[2:])
    return row
