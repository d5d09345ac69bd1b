"""Our own log lines: JSON for machines, one readable line in development. Every line carries the correlation id."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

from pulseops.core.config.masking import mask_keys

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "correlation_id",
}
# C0 but tabs, C1, ends of lines and what turns lines around.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_LEFT_OUT = frozenset({"request", "server_time"})


class CorrelationFilter(logging.Filter):
    """Add `correlation_id` to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        from pulseops.core.web.correlation import correlation_id  # noqa: PLC0415  # pulseops.demo.traffic formats without Django

        record.correlation_id = correlation_id()
        return True


def extra_fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what the caller passed as `extra=`."""
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD and key not in _LEFT_OUT}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, correlation id, the extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "correlation_id": getattr(record, "correlation_id", None),
            **extra_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return mask_keys(json.dumps(line, default=str, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """A line for people: time, level, logger, message, the extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        extra = " ".join(f"{key}={value}" for key, value in extra_fields(record).items())
        line = _visible(f"{clock} {record.levelname.lower():7} {record.name}  {record.getMessage()}  {extra}".rstrip())
        if record.exc_info:
            line += "\n" + "\n".join(map(_visible, self.formatException(record.exc_info).split("\n")))
        return mask_keys(line)


def _visible(line: str) -> str:
    """Write control characters as escapes: what strangers send would begin lines of its own, or talk to a terminal."""
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], line)
