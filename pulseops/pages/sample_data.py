"""Invented, always the same data for the landing page's preview and the style guide. Nothing of it is ever stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from pulseops.core.ui import charts, states, times
from pulseops.core.ui.chart_marks import Band, Marker
from services.snippets import filled_groups

_MORNING = datetime(2026, 3, 17, 8, 0, tzinfo=UTC)
_BURST = range(41, 49)  # buckets in which the sample service fails


@dataclass(frozen=True, slots=True)
class Line:
    """A log line of the preview."""

    at: datetime
    level: str
    service: str
    message: str

    @property
    def clock(self) -> str:
        """The time of day with milliseconds, in the reader's zone."""
        return times.exact(self.at, milliseconds=True).split()[1]


def buckets(count: int = 72, *, minutes: int = 5, burst: bool = True) -> list[charts.Bucket]:
    """Make `count` buckets of `minutes` each with a believable swing, and a burst of errors if asked for."""
    made = []
    for index in range(count):
        start = _MORNING + timedelta(minutes=minutes * index)
        swing = 1 + 0.35 * math.sin(index / 9) + 0.18 * math.sin(index * 2.3) + 0.1 * math.sin(index * 7.1)
        failing = burst and index in _BURST
        counts = {
            "error": round((88 if failing else 1.2) * swing),
            "warn": round((24 if failing else 4) * swing),
            "info": round(82 * swing),
            "debug": round(14 * swing),
        }
        made.append(charts.Bucket(start, start + timedelta(minutes=minutes), counts))
    return made


def volume(**options: Any) -> charts.Chart:
    """Draw the sample buckets with a deployment before the burst and the incident over it."""
    data = buckets()
    opened = data[_BURST.start].start
    return charts.stacked_histogram(
        data,
        markers=[Marker(opened - timedelta(minutes=4), "Deployed 4f9c2e1 to production")],
        bands=[Band(opened + timedelta(minutes=5), data[_BURST.stop].start, "Incident: payment errors")],
        **options,
    )


def preview() -> dict[str, Any]:
    """What the landing page's preview shows."""
    at = _MORNING + timedelta(hours=3, minutes=31)
    moments = [at - timedelta(milliseconds=ms) for ms in (112, 268, 641, 1307, 1533, 2094, 2870, 3411)]
    rows = [
        ("error", "payments", "charge failed: upstream timed out after 5000 ms order=81342"),
        ("warn", "payments", "retrying charge attempt=2 order=81342 provider=stripe"),
        ("info", "checkout", "POST /api/checkout 502 5012ms user=3391"),
        ("error", "payments", "charge failed: upstream timed out after 5000 ms order=81339"),
        ("debug", "checkout", "cart loaded items=3 cache=hit"),
        ("info", "web", "GET /orders/81339 200 48ms"),
        ("warn", "payments", "connection pool at 38 of 40"),
        ("info", "web", "GET /health 200 2ms"),
    ]
    lines = [Line(moment, *row) for moment, row in zip(moments, rows, strict=True)]
    return {"chart": volume(height=104), "lines": lines, "opened_at": at - timedelta(minutes=6), "now": at}


class SampleForm(forms.Form):
    """One field of each kind."""

    email = forms.EmailField(label="E-mail address", help_text="Where alerts about this service go.")
    service = forms.ChoiceField(choices=[("api", "api"), ("web", "web"), ("worker", "worker")])
    retention_days = forms.IntegerField(label="Keep logs for", min_value=1, max_value=365, help_text="Days, 1 to 365.")
    note = forms.CharField(widget=forms.Textarea, required=False)
    level = forms.ChoiceField(
        label="Lowest level", widget=forms.RadioSelect, choices=[("error", "error"), ("warn", "warn")], initial="warn"
    )
    muted = forms.BooleanField(label="Mute until tomorrow", required=False, help_text="Nothing is sent meanwhile.")


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the style guide's example."""

    label: str
    url: str
    is_current: bool = False
    count: int | None = None


def styleguide(request: HttpRequest) -> dict[str, Any]:
    """Everything the style guide shows; `?toast=1` adds one message of each kind."""
    if request.GET.get("toast"):
        messages.success(request, "The API key was revoked.")
        messages.error(request, "Slack refused the message: channel_not_found.")
    now = timezone.now()
    return {
        "schemes": ("light", "dark") if request.GET.get("scheme") == "both" else ("",),
        "tokens": _tokens(),
        "icons": _icons(),
        "states": list(states.STATES),
        "levels": states.LEVELS,
        "tones": ("neutral", "accent", "error", "warn", "ok", "info", "debug"),
        "chart": volume(threshold=120, height=120),
        "buckets": buckets(48),
        "quiet_buckets": buckets(48, burst=False),
        "form": SampleForm(initial={"service": "api", "retention_days": 30}, auto_id="ok_%s"),
        "bad_form": SampleForm({"email": "nobody", "service": "api", "level": "error"}, auto_id="bad_%s"),
        "tabs": [Tab("Open", "?", True, 3), Tab("Acknowledged", "?", count=1), Tab("Resolved", "?", count=128)],
        "crumbs": [("Services", "/services"), ("payments", "/services")],
        "facts": [("Scope", "payments, production"), ("First seen", "08:31:04"), ("Fingerprint", "9f31c0de")],
        "snippets": _snippets(),
        "client_groups": filled_groups(),
        "moments": [now - timedelta(seconds=s) for s in (2, 42, 200, 9000, 400_000, 5_000_000)],
        "now": now,
    }


def _snippets() -> list[dict[str, str]]:
    return [
        {
            "label": "curl",
            "code": "curl -X POST https://pulse.example/api/v1/logs/ingest \\\n"
            '  -H "x-api-key: pol_…" -d \'{"message": "hello"}\'',
        },
        {
            "label": "Python",
            "code": 'import logging\n\nlogging.getLogger("app").error("charge failed", extra={"order": 81342})',
        },
        {
            "label": "Node",
            "code": 'await fetch(url, { method: "POST", headers, body: JSON.stringify({ message: "hello" }) });',
        },
    ]


@lru_cache(maxsize=1)
def _tokens() -> list[str]:
    """The names of the colours in tokens.css."""
    text = (Path(settings.BASE_DIR) / "static" / "css" / "tokens.css").read_text()
    return [line.split(":")[0].strip()[2:] for line in text.splitlines() if ": light-dark(" in line]


@lru_cache(maxsize=1)
def _icons() -> list[str]:
    """The names of the symbols in icons.svg."""
    text = (Path(settings.BASE_DIR) / "static" / "icons.svg").read_text()
    return [part.split('"')[0] for part in text.split('<symbol id="')[1:]]
