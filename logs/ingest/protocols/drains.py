"""HTTP drains of platforms: JSON whose fields are named in the address or a header, and Vercel's.

Sources: Vercel, "Log Drains Reference" and "Log Drains Security"; the parameters are as VictoriaLogs has them.
"""

from __future__ import annotations

from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from msgspec import Raw

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.documents import documents_of
from logs.ingest.json_text import decode_fields
from logs.ingest.protocols.base import ForeignProtocol, json_response
from logs.ingest.record import (
    LEVEL_NAMES,
    MESSAGE_NAMES,
    REQUEST_NAMES,
    TIME_NAMES,
    TRACE_NAMES,
    FieldNames,
    lift,
    row_of,
    text_of,
)
from logs.ingest.refused import Refused
from logs.ingest.rows import Row, batch_of
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import ApiError

_LONGEST_NAMES = 500  # characters of what a parameter says
_USUAL = {
    "message": MESSAGE_NAMES,
    "time": TIME_NAMES,
    "level": LEVEL_NAMES,
    "trace": TRACE_NAMES,
    "request": REQUEST_NAMES,
}
_VERCEL = FieldNames(message=("message",), time=("timestamp",), level=("level",), request=("requestId",))
_PROXY_STATUS, _SERVER_ERROR, _CLIENT_ERROR, _NO_ANSWER = "statusCode", 500, 400, -1


class HttpDrain(ForeignProtocol):
    """POST /drains/http: an array, an object or lines; `?message=a,b.c&time=ts&level=sev&trace=…&request=…&ignore=x,y`,
    or headers `X-PulseOps-Message` and so on, say which field is what."""

    name = "drain"

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        names = _names(tuple(_parameter(request, role) for role in _USUAL))
        ignored = [name for name in _parameter(request, "ignore").split(",") if name]
        rows, refused = list[Row](), Refused()
        for document in documents_of(body):
            rows.append(_row(document, names, ignored))
        return batch_of(rows, window, refused)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        return json_response({"data": {"accepted": answer["accepted"], "rejected": answer["rejected"]}})

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        return error.response()


class VercelDrain(HttpDrain):
    """POST /drains/vercel. Vercel wants the value that it shows back in a header: take it as `?verify=`."""

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        return batch_of([_vercel_row(document) for document in documents_of(body)], window)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        return _verified(super().respond(answer, request, is_replayed=is_replayed), request)

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        return _verified(super().refuse(error, request), request)


def _verified(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    value = request.GET.get("verify", "")[:100]
    if value.isascii() and value.isprintable() and value:
        response["x-vercel-verify"] = value
    return response


def _parameter(request: HttpRequest, name: str) -> str:
    header: str = request.META.get(f"HTTP_X_PULSEOPS_{name.upper()}", "")
    return (request.GET.get(name) or header)[:_LONGEST_NAMES]


@lru_cache(maxsize=256)
def _names(chosen: tuple[str, ...]) -> FieldNames:
    """Compile the names that a drain has chosen, before the usual ones."""
    return FieldNames(
        **{
            role: tuple(dict.fromkeys([*(name for name in names.split(",") if name), *usual]))
            for names, (role, usual) in zip(chosen, _USUAL.items(), strict=True)
        }
    )


def _row(document: bytes, names: FieldNames, ignored: list[str]) -> Row:
    text = document.decode("utf-8", "replace").strip()
    fields = decode_fields(document)
    if fields is None:
        return row_of(lift(text), text)
    for name in ignored:
        fields.pop(name, None)
    return row_of(names.read(fields), text)


def _vercel_row(document: bytes) -> Row:
    text = document.decode("utf-8", "replace").strip()
    fields = decode_fields(document)
    if fields is None:
        return row_of(lift(text), text)
    proxy = decode_fields(bytes(fields.get("proxy", Raw(b"null")))) or {}
    status = _number(fields.get(_PROXY_STATUS)) or _number(proxy.get(_PROXY_STATUS))
    record = _VERCEL.read(fields)
    if record.message is None and proxy:
        parts = (text_of(proxy[name]) for name in ("method", "path", _PROXY_STATUS) if name in proxy)
        record.message = " ".join(parts) or None
    return row_of(record, text, level=_level_of_status(status))


def _number(value: Raw | None) -> int:
    try:
        return int(bytes(value or b"0"))
    except ValueError:
        return 0


def _level_of_status(status: int) -> str | None:
    if status >= _SERVER_ERROR or status == _NO_ANSWER:
        return "error"
    return "warn" if status >= _CLIENT_ERROR else None
