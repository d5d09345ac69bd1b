"""GELF over HTTP: POST /gelf, one object or several lines of them. By UDP and TCP it comes to logs/syslog.

Source: Graylog, "GELF via HTTP" and the format's table of fields.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.documents import documents_of
from logs.ingest.json_text import decode_fields
from logs.ingest.protocols.base import ForeignProtocol, status_response
from logs.ingest.record import FieldNames, row_of
from logs.ingest.refused import Refused
from logs.ingest.rows import Row, batch_of
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import ApiError

_NAMES = FieldNames(message=("short_message", "full_message", "message"), time=("timestamp",), level=("level",))
NO_JSON = "not a JSON object"


class GelfProtocol(ForeignProtocol):
    """Answered by 202 and nothing, as Graylog does."""

    name = "gelf"

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        rows, refused = list[Row](), Refused()
        for document in documents_of(body.replace(b"\0", b"\n")):
            if (row := read_document(document)) is None:
                refused.add(NO_JSON, document)
            else:
                rows.append(row)
        if not rows:
            raise ApiError("BAD_REQUEST", "The body is not GELF.")
        return batch_of(rows, window, refused)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        return HttpResponse(status=202)

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        return status_response(error, error.message.encode(), "text/plain; charset=utf-8")


def read_document(document: bytes) -> Row | None:
    """Read one document; None when it is not a JSON object. The fields that a sender adds lose the mark in front."""
    fields = decode_fields(document)
    if fields is None:
        return None
    fields.pop("version", None)
    own = {name[1:] if name.startswith("_") and len(name) > 1 else name: fields[name] for name in fields}
    return row_of(_NAMES.read(own), document.decode("utf-8", "replace"))
