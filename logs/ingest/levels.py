"""The names that loggers give their levels, and the four that are stored."""

from __future__ import annotations

from logs.models import Level

ALIASES = {
    Level.DEBUG: ("debug", "trace", "verbose", "fine", "finer", "finest", "dbg"),
    Level.INFO: ("info", "information", "informational", "notice", "log", "default"),
    Level.WARN: ("warn", "warning", "wrn"),
    Level.ERROR: (
        "error",
        "err",
        "severe",
        "fatal",
        "critical",
        "crit",
        "alert",
        "emerg",
        "emergency",
        "panic",
        "dpanic",
    ),
}
STORED: dict[str | None, str] = {alias: level.value for level, aliases in ALIASES.items() for alias in aliases}
STORED[None] = Level.INFO.value  # absent


def stored_level(name: str | None) -> str | None:
    """Return the stored level for a sender's name of one, in any case; None when there is no such name."""
    return STORED.get(name) or STORED.get((name or "").strip().lower())
