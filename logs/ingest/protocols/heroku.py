"""Heroku's logplex: POST /drains/heroku, frames of syslog.

Source: devcenter.heroku.com, "Log Drains", HTTPS drains.
"""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse

from logs.ingest.columns import AcceptedTimes, Batch
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
        return batch_of([_row(frame, window) for frame in frames_of(body)], window)

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
