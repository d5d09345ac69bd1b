"""POST or PUT /es/_bulk: lines of an action and a document in turn; an item for each action in the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from msgspec import Raw

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.documents import lines_of
from logs.ingest.foreign_body import check_count, check_punctuation, most_logs
from logs.ingest.json_text import decode_fields
from logs.ingest.protocols.base import ForeignProtocol
from logs.ingest.protocols.elastic.answers import elastic_error, elastic_response
from logs.ingest.record import REQUEST_NAMES, TRACE_NAMES, FieldNames, row_of
from logs.ingest.refused import Refused
from logs.ingest.rows import ForeignBatch, Row, batch_of
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import ApiError

NAMES = FieldNames(
    message=(
        "message", "msg", "log", "MESSAGE", "body.text", "Body", "body", "event.original", "short_message",
        "error.message",
    ),
    trace=(*TRACE_NAMES, "fields.trace_id", "fields.traceId", "fields.trace.id"),
    request=(*REQUEST_NAMES, "fields.request_id", "fields.requestId"),
)  # fmt: skip
_ACTIONS = ("index", "create", "update", "delete")
_ACTION_BYTES = tuple(f'"{name}"'.encode() for name in _ACTIONS)
_COST = 1.5  # of a pair of lines, in logs of Loki's
_NO_ACTION, _NO_DOCUMENT, _NOT_STORED = "not an action of _bulk", "not a JSON object", "deleting is not for logs"
_FLUENT_BIT = re.compile("fluent-bit", re.IGNORECASE)
_Item = tuple[str, int | str]  # the action, and the number of its row, or why it has none


class BulkBatch(ForeignBatch):
    """A batch with the actions that it was made of, in their order."""

    items: list[_Item]


class BulkProtocol(ForeignProtocol):
    """Clients repeat a request that gets a 400 forever, so that is only for a body without one action."""

    name = "elastic"

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        rows, items, refused = list[Row](), list[_Item](), Refused()
        for action, document in _pairs(body):
            row = _row(document) if document and action else None
            if row is None:
                reason = _NO_ACTION if action == "" else _NOT_STORED if action == "delete" else _NO_DOCUMENT
                refused.add(reason, document or b"")
                items.append((action or "index", reason))
            else:
                items.append((action, len(rows)))
                rows.append(row)
        if body.strip() and not any(reason != _NO_ACTION for _, reason in items):
            raise ApiError("BAD_REQUEST", "The body has no action of _bulk.")
        batch = batch_of(rows, window, refused)
        batch.__class__ = BulkBatch
        batch.items = items  # type: ignore[attr-defined]
        return batch

    def answer(self, batch: Batch, request: HttpRequest) -> Answer:
        assert isinstance(batch, BulkBatch)
        items = [(action, batch.refused_rows.get(row) if isinstance(row, int) else row) for action, row in batch.items]
        # Fluent Bit sends a chunk of which nothing was stored again and again, which holds up all that comes after it.
        if not len(batch) and _FLUENT_BIT.match(request.META.get("HTTP_USER_AGENT", "")):
            items = [(action, None) for action, _ in items]
        return {"items": items, "errors": any(reason for _, reason in items)}

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        # The order of the keys, and that there are no spaces, matter: Fluent Bit reads no more than the beginning.
        body = {"took": 1, "errors": answer["errors"], "items": [_item(*each) for each in answer["items"]]}
        return elastic_response(request, body)

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        return elastic_error(error, request)


class DocumentProtocol(BulkProtocol):
    """POST /es/{index}/_doc: one document, which is one log."""

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        row = _row(body)
        if row is None:
            raise ApiError("BAD_REQUEST", "The document is not a JSON object.")
        return batch_of([row], window)

    def answer(self, batch: Batch, request: HttpRequest) -> Answer:
        return {"accepted": len(batch), "rejected": batch.rejected, "reason": batch.reason}

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        if answer["rejected"]:
            return elastic_error(ApiError("VALIDATION_ERROR", answer["reason"]), request)
        shards = {"total": 1, "successful": 1, "failed": 0}
        body = {"_index": "logs", "_id": "", "_version": 1, "result": "created", "_shards": shards, "_seq_no": 0}
        return elastic_response(request, {**body, "_primary_term": 1}, status=201)


def _pairs(body: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Give each action, "" for a line that is none, with its document."""
    check_punctuation(body)
    filled = lines_of(body, 2 * most_logs(_COST) + 2)
    check_count(len(filled) // 2, _COST)  # an action and its document
    lines = iter(filled)
    is_lost = False
    for line in lines:
        action = _action(line)
        if not action:
            if not is_lost:  # what follows it is its document, or no more of an action than it is
                yield "", line
            is_lost = True
            continue
        is_lost = False
        if action == "delete":
            yield action, None
        else:
            yield action, _source(next(lines, b""), action)


def _action(line: bytes) -> str | None:
    if not any(name in line for name in _ACTION_BYTES):
        return None
    fields = decode_fields(line)
    return next((name for name in _ACTIONS if name in fields), None) if fields else None


def _source(document: bytes, action: str) -> bytes:
    """Return what an update updates with, or the document itself."""
    if action == "update" and (fields := decode_fields(document)):
        return bytes(fields.get("doc") or fields.get("upsert") or Raw(document))
    return document


def _row(document: bytes) -> Row | None:
    fields = decode_fields(document)
    return row_of(NAMES.read(fields), document.strip().decode("utf-8", "replace")) if fields is not None else None


def _item(action: str, reason: str | None) -> dict[str, Any]:
    if reason is None:
        return {action: {"status": 201}}
    if action == "delete":
        return {action: {"_index": "logs", "_id": "", "status": 404, "result": "not_found"}}
    error = {"type": "document_parsing_exception", "reason": reason}
    return {action: {"_index": "logs", "_id": "", "status": 400, "error": error}}
