"""The body that Mattermost and Rocket.Chat take, which is Slack's old one with Markdown in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notifications.channels.markdown import code_block, digest_lines, escaped_line, links
from notifications.messages import LISTED, Fact, Notice, count_of, plain_text, rest_of

_COLOURS = {
    "incident.created": "#d92d20",
    "incident.reopened": "#d92d20",
    "incident.escalated": "#d92d20",
    "incident.investigating": "#d9a420",
    "incident.resolved": "#2e9e5b",
}
_QUOTED, _LINE_TITLE = 1_000, 80


def chat_body(notices: Sequence[Notice], message_id: str) -> dict[str, Any]:
    """Build the JSON: a line as text, the rest as one attachment."""
    attachment = _one(notices[0]) if len(notices) == 1 else _digest(notices)
    return {
        "text": escaped_line(plain_text(notices)),
        "attachments": [
            {
                "fallback": plain_text(notices),
                "color": _COLOURS.get(notices[0].event, "#5b7083"),
                **attachment,
                "footer": f"PulseOps · message {message_id}",
            }
        ],
    }


def _one(notice: Notice) -> dict[str, Any]:
    text = "\n".join(filter(None, [escaped_line(notice.text), code_block(notice, _QUOTED), links(notice)]))
    facts = [*([Fact("Where", notice.where)] if notice.where else []), *notice.facts]
    return {
        "title": escaped_line(notice.title),
        **({"title_link": notice.link} if notice.link else {}),
        "text": text,
        "fields": [
            {"title": escaped_line(fact.name), "value": escaped_line(fact.text), "short": True} for fact in facts
        ],
    }


def _digest(notices: Sequence[Notice]) -> dict[str, Any]:
    rest = rest_of(notices, LISTED)
    return {
        "title": count_of(notices),
        "text": "\n".join([*digest_lines(notices, LISTED, _LINE_TITLE), *([rest] if rest else [])]),
    }
