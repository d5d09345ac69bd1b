"""docs/message-bodies.md shows what each kind of channel is sent, byte for byte but for the line breaks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.conf import settings as django_settings
from pytest_django import Settings

from notifications.channels import CHANNEL_TYPES
from notifications.messages import Notice
from tests.notifications.kinds import KINDS, config_of
from tests.notifications.smtp import mail_server
from tests.support import receivers

PAGE = Path(django_settings.BASE_DIR) / "docs" / "message-bodies.md"
ORG = SimpleNamespace(pk="0e1d2c3b-0000-4000-8000-000000000000", name="Acme")
MESSAGE = "5d0c1f0e-7a7f-4b52-9a0e-0d6b1f6c2a11"
NOTICE = Notice.from_payload(
    "incident.created",
    {
        "incident_id": 7,
        "title": "Payments fail: payments / production",
        "severity": "high",
        "status": "open",
        "scope": "payments / production",
        "text": "6 error logs in 5 min (the threshold is 3).",
        "path": "/incidents/7?org=acme",
        "at": "2026-03-01T12:00:00+00:00",
        "pattern": "payment <n> timed out after <n> ms",
        "lines": ["error payment 81342 timed out after 3000 ms", "error @everyone see https://evil.example <b>"],
        "facts": [
            ["First seen", {"at": "2026-03-01T11:58:00+00:00"}],
            ["Suspected deployment", "4f2a9c1 Call the payment gateway twice (errors rose)"],
        ],
        "links": [["Logs", "/logs?q=level:error&org=acme"], ["Acknowledge", "/a/WyI1ZDBjMWYwZSJd"]],
    },
)
HEAD = """# What arrives

What each kind of channel is sent when an incident opens: written by the code, and a test holds it true. The log of the
example holds `@everyone`, an address and markup, in each body as its service does not act on them.
[Notifications](notifications.md) says how channels are set up.
"""


def body_of(kind: str) -> str:
    """Send the message to a receiver on this machine; returns what arrived."""
    with receivers.receiver() as server:
        config = config_of(kind, f"http://127.0.0.1:{server.port}")
        channel: Any = SimpleNamespace(pk=MESSAGE, org=ORG, config_json=config, name=kind)
        CHANNEL_TYPES[kind].send(channel, [NOTICE], MESSAGE)
        return json.dumps(server.received[0].json, indent=1, ensure_ascii=False)


def mail_of(settings: Settings) -> str:
    """Return the text of the mail, with its subject."""
    to = ["duty@example.com"]
    channel: Any = SimpleNamespace(pk=MESSAGE, org=ORG, config_json={"to": to, "confirmed": to}, name="on duty")
    with mail_server(settings) as server:
        CHANNEL_TYPES["email"].send(channel, [NOTICE], MESSAGE)
        (mail,) = server.messages
    text = mail.get_body(("plain",)).get_content()
    stop = text.partition("/mail/leave/")[2].split()[0]
    return f"Subject: {mail['subject'].strip()}\n\n{text.replace(stop, '…').strip()}".replace("\r\n", "\n")


def section(title: str, language: str, text: str) -> str:
    return f"\n## {title}\n\n```{language}\n{text}\n```\n"


def test_the_page_shows_what_is_sent(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://pulseops.example.com"
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]
    page = HEAD + section("E-mail, as text", "text", mail_of(settings))
    for kind in [each for each in CHANNEL_TYPES if each in KINDS]:
        page += section(CHANNEL_TYPES[kind].label, "json", body_of(kind))
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page, "write it anew: WRITE_DOCS=1 and this test"
