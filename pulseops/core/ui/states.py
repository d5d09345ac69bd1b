"""Which colour and which shape a state has: a state is recognised by its shape and word, the colour only helps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """`tone` is a class of badge.css without its prefix, `icon` a symbol of static/icons.svg."""

    tone: str
    icon: str


_UNKNOWN = Look("neutral", "state-ring")
_GOOD, _BAD, _WAITING = Look("ok", "state-check"), Look("error", "state-cross"), Look("info", "state-dashed")
_OFF = Look("neutral", "state-dash")

STATES: dict[str, Look] = {
    # incidents
    "open": Look("error", "state-full"),
    "investigating": Look("warn", "state-half"),
    "resolved": _GOOD,
    # severities
    "high": Look("error", "bars-3"),
    "med": Look("warn", "bars-2"),
    "low": Look("info", "bars-1"),
    # deployments, jobs, deliveries
    "success": _GOOD,
    "sent": _GOOD,
    "delivered": _GOOD,
    "ok": _GOOD,
    "failure": _BAD,
    "failed": _BAD,
    "dead": _BAD,
    "error": _BAD,
    "pending": _WAITING,
    "queued": _WAITING,
    "running": Look("accent", "state-half"),
    "processing": Look("accent", "state-half"),
    "skipped": _OFF,
    "dropped": _OFF,
    # services, keys, rules, channels
    "healthy": _GOOD,
    "active": _GOOD,
    "on": _GOOD,
    "degraded": Look("warn", "state-triangle"),
    "expiring": Look("warn", "state-triangle"),
    "warning": Look("warn", "state-triangle"),
    "down": _BAD,
    "failing": _BAD,
    "silent": Look("info", "state-ring"),
    "waiting": _WAITING,
    "invited": _WAITING,
    "off": _OFF,
    "disabled": _OFF,
    "muted": Look("neutral", "bell-off"),
    "revoked": _OFF,
    "expired": _OFF,
}

LEVELS = ("error", "warn", "info", "debug")  # as they stack, from the bottom
TONE_ICONS = {
    "error": "error",
    "warn": "warning",
    "ok": "state-check",
    "info": "info",
    "accent": "info",
    "debug": "info",
}


def style_of(state: str) -> Look:
    """Return how `state` looks; a word that no one has listed is a neutral ring."""
    return STATES.get(state.lower(), _UNKNOWN)
