"""What the tests of ingest say of an answer, and of what is stored."""

from __future__ import annotations

from typing import Any

from logs.models import LogEntry
from services.models import RateBucket

HELLO = {"logs": [{"message": "hello"}]}


def stored() -> LogEntry:
    return LogEntry.objects.get()


def nothing_happened() -> bool:
    return not LogEntry.objects.exists() and not RateBucket.objects.filter(count__gt=0).exists()


def error(response: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["error"]["code"]) == (status, code), body
    assert body["correlationId"] == response["x-correlation-id"]
    assert nothing_happened()
    return body["error"]  # type: ignore[no-any-return]


def problem(response: Any) -> tuple[str, str]:
    [detail] = error(response, 400, "VALIDATION_ERROR")["details"]
    return detail["path"], detail["message"]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value
