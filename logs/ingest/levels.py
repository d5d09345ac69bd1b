"""The names that loggers give their levels, and the four that are stored."""

from __future__ import annotations

from logs.models import Level

ALIASES = {
    Level.DEBUG: ("debug", "trace", "verbose", "fine", "finer", "finest", "dbg", "d", "t"),
    Level.INFO: ("info", "information", "informational", "notice", "log", "default", "i", "ok", "success"),
    Level.WARN: ("warn", "warning", "wrn", "w"),
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
        "eror",
        "e",
        "f",
    ),
}
STORED: dict[str | None, str] = {alias: level.value for level, aliases in ALIASES.items() for alias in aliases}
STORED[None] = Level.INFO.value  # absent


DEFAULT = Level.INFO.value
_LOGGERS_SCALE = {10: "debug", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "error"}  # pino's and bunyan's
SYSLOG_SCALE = ("error", "error", "error", "error", "warn", "info", "info", "debug")  # RFC 5424, 6.2.1
_BEGINNINGS = {"warn": Level.WARN.value, "err": Level.ERROR.value}
_LONGEST_NAME = 100


def stored_level(name: str | None) -> str | None:
    """Return the stored level for a sender's name of one, in any case; None when there is no such name."""
    if level := STORED.get(name):
        return level
    plain = (name or "").strip()[:_LONGEST_NAME].lower()
    return STORED.get(plain) or next((level for start, level in _BEGINNINGS.items() if plain.startswith(start)), None)


def level_of_number(number: str | float) -> str | None:
    """Return the stored level for a number: 10 to 60 as pino and bunyan count, 0 to 7 as syslog does; else None."""
    try:
        whole = int(number) if float(number).is_integer() else -1
    except (ValueError, OverflowError):
        return None
    if 0 <= whole < len(SYSLOG_SCALE):
        return SYSLOG_SCALE[whole]
    return _LOGGERS_SCALE.get(whole)
