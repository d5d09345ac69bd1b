"""Discord's webhooks: https://discord.com/developers/docs/resources/webhook, whose limits hold here.

Whatever people or programs have written is escaped, and no one is mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from notifications.channels.webhook import WebhookForm, WebhookType
from notifications.messages import LISTED, Fact, Notice, count_of, fit, plain_text, rest_of

_COLOURS = {
    "incident.created": 0xD92D20,
    "incident.investigating": 0xD9A420,
    "incident.resolved": 0x2E9E5B,
    "incident.reopened": 0xD92D20,
    "incident.escalated": 0xD92D20,
}
_NEUTRAL = 0x5B7083
_CONTENT, _TITLE, _DESCRIPTION, _NAME, _VALUE = 2_000, 256, 4_096, 256, 1_024  # characters, as they are sent
_LINE_TITLE = 80  # of an incident in a digest
_MOST_TEXT, _MOST_QUOTED = 1_000, 600  # of the description: all of an embed together may have 6,000


class DiscordForm(WebhookForm):
    """The address of a channel's webhook."""

    foreign_hosts = {"hooks.slack.com": "Slack"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["webhook_url"].widget.attrs["placeholder"] = "https://discord.com/api/webhooks/…"


def discord_body(notices: Sequence[Notice], message_id: str) -> dict[str, Any]:
    """Build the JSON for a webhook: one incident in full, several as a list."""
    embed = _one(notices[0]) if len(notices) == 1 else _digest(notices)
    return {
        "content": fit(plain_text(notices), _CONTENT, _escape),
        "embeds": [{**embed, "footer": {"text": f"PulseOps · message {message_id}"}}],
        "allowed_mentions": {"parse": []},
    }


def _one(notice: Notice) -> dict[str, Any]:
    facts = [*([Fact("Where", notice.where)] if notice.where else []), *notice.facts]
    said = f"{notice.symbol} **{notice.headline}**\n{fit(notice.text, _MOST_TEXT, _escape)}".strip()
    if notice.quoted:
        quoted = "\n".join(notice.quoted).replace("`", "\u02cb")[:_MOST_QUOTED]
        said = f"{said}\n```\n{quoted}\n```"
    if len(notice.actions) > 1:
        said = f"{said}\n{' · '.join(f'[{each.label}]({each.url})' for each in notice.actions)}"
    return {
        "title": fit(notice.title, _TITLE, _escape),
        **({"url": notice.link} if notice.link else {}),
        "description": said,
        "color": _COLOURS.get(notice.event, _NEUTRAL),
        "fields": [
            {"name": fit(fact.name, _NAME, _escape), "value": _value(fact) or "-", "inline": True} for fact in facts
        ],
    }


def _value(fact: Fact) -> str:
    return f"<t:{int(fact.at.timestamp())}:f>" if fact.at else fit(fact.text, _VALUE, _escape)


def _digest(notices: Sequence[Notice]) -> dict[str, Any]:
    """Name as many as fit, each with a whole link."""
    lines: list[str] = []
    room = _DESCRIPTION - len(rest_of(notices, 0)) - 1
    for notice in notices[:LISTED]:
        title = fit(notice.title[:_LINE_TITLE], 2 * _LINE_TITLE, _escape)
        line = f"{notice.symbol} {notice.headline}: {f'[{title}]({notice.link})' if notice.link else title}"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    rest = rest_of(notices, len(lines))
    return {
        "title": count_of(notices),
        "description": "\n".join([*lines, *([rest] if rest else [])]),
        "color": _NEUTRAL,
    }


def _escape(text: str) -> str:
    return re.sub(r"([\\*_~`|>\[\]()#@])", r"\\\1", text)


CHANNEL_TYPE = WebhookType(
    type="discord",
    label="Discord",
    description="Channel settings, Integrations, Webhooks: make one and copy its address.",
    order=2,
    form_class=DiscordForm,
    body=discord_body,
)
