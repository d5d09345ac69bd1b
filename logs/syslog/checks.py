"""System checks for SYSLOG_LISTENERS."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from logs.syslog.listeners import ListenerError, read_listeners


@checks.register()
def listeners_can_be_used(**_: Any) -> list[CheckMessage]:
    """What is listened to must be read as it was meant."""
    hint = "docs/operations.md#syslog says how listeners are written."
    try:
        listeners = read_listeners(settings.SYSLOG_LISTENERS)
    except ListenerError as error:
        return [checks.Error(f"SYSLOG_LISTENERS cannot be used: {error}", hint=hint, id="pulseops.E021")]
    if any(each.kind == "tls" for each in listeners) and not settings.SYSLOG_CERTIFICATE:
        text = "SYSLOG_LISTENERS has a TLS listener, and SYSLOG_CERTIFICATE is not set."
        return [checks.Error(text, hint=hint, id="pulseops.E022")]
    return []
