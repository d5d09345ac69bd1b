"""What the copied loggers sent to a receiver, and how one makes them send it again."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.receivers import Behaviour, Receiver, answer


def entries(sink: Receiver) -> list[dict[str, Any]]:
    """Return every log that came, in order."""
    return [entry for request in sink.received for entry in request.json["logs"]]


def refuse_the_first(sink: Receiver) -> Behaviour:
    """Answer 503 to the first request, and ask for the next at once or nearly so."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        respond = answer(503, retry_after="0") if len(sink.received) == 1 else answer()
        respond(handler)

    return behave
