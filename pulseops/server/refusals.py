"""Answers that the web server gives by itself, without a thread: to requests that never arrive or cannot be served."""

from __future__ import annotations

import json
from enum import Enum

_RETRY_AFTER = 5  # seconds


class Refusal(Enum):
    """Status, code for machines, and what it says."""

    TOO_SLOW = "408 Request Timeout", "BAD_REQUEST", "The request did not arrive in time."
    TOO_MANY = "429 Too Many Requests", "RATE_LIMITED", "This address has too many connections."
    HEAD_TOO_LARGE = "431 Request Header Fields Too Large", "BAD_REQUEST", "The address or the headers are too long."
    BUSY = "503 Service Unavailable", "UNAVAILABLE", "The server is busy. Send the request again."

    def answer(self, head: bytes) -> bytes:
        """Return the whole answer to a request with this head: JSON for machines, a line of text for people."""
        status, code, message = self.value
        if b" /api/" in head[:16]:
            kind, body = "application/json", json.dumps({"error": {"code": code, "message": message}})
        else:
            kind, body = "text/plain", message + "\n"
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
        if self in (Refusal.TOO_MANY, Refusal.BUSY):
            lines.append(f"Retry-After: {_RETRY_AFTER}")
        return ("\r\n".join([*lines, "", body])).encode()
