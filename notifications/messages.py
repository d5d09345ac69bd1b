"""What a message says, as Slack's blocks and Discord's embeds. Pure: from facts to JSON.

Slack: https://api.slack.com/reference/block-kit/blocks. Discord: https://discord.com/developers/docs/resources/webhook.
Whatever people or programs have written is escaped, so it can neither mention anybody nor hide a link.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

_WORDS = {
    "incident.created": "Incident opened",
    "incident.investigating": "Acknowledged",
    "incident.resolved": "Resolved",
    "incident.reopened": "Reopened",
    "incident.escalated": "Escalated",
    "channel.test": "Test message",
}
_SYMBOLS = {
    "incident.created": "🔴",
    "incident.investigating": "🟡",
    "incident.resolved": "🟢",
    "incident.reopened": "🔴",
    "incident.escalated": "🔺",
    "channel.test": "🔔",
}
_COLOURS = {
    "incident.created": 0xD92D20,
    "incident.investigating": 0xD9A420,
    "incident.resolved": 0x2E9E5B,
    "incident.reopened": 0xD92D20,
    "incident.escalated": 0xD92D20,
}
_NEUTRAL = 0x5B7083
_SEVERITIES = {"low": "low", "med": "medium", "high": "high"}
_LISTED = 20  # incidents that a digest names; the rest it counts
_TITLE, _TEXT = 150, 1200  # characters


def heading(event: str) -> str:
    """Say in words what a message tells of, also of an event of other software."""
    return _WORDS.get(event, event.replace(".", " ").replace("_", " "))


@dataclass(frozen=True, slots=True)
class Notice:
    """One event as it is told. `path` begins with a slash and becomes a link; `facts` are pairs of name and value."""

    event: str
    title: str
    severity: str = ""
    scope: str = ""
    text: str = ""
    path: str = ""
    facts: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def from_payload(cls, event: str, payload: Any) -> Notice:
        """Read a job's payload, also what other software wrote; what is missing or of another type is left out."""
        given = payload if isinstance(payload, dict) else {}
        facts = given.get("facts")
        pairs = [pair for pair in facts if isinstance(pair, list) and len(pair) == 2] if isinstance(facts, list) else []
        return cls(
            event=event,
            title=_cut(given.get("title") or "", _TITLE) or "Untitled",
            severity=_SEVERITIES.get(str(given.get("severity")), ""),
            scope=_cut(given.get("scope") or "", 200),
            text=_cut(given.get("text") or "", _TEXT),
            path=str(given.get("path") or ""),
            facts=tuple((_cut(name, 60), _cut(value, 120)) for name, value in pairs[:8] if _cut(name, 60)),
        )

    @property
    def word(self) -> str:
        """What happened."""
        return heading(self.event)

    @property
    def headline(self) -> str:
        """What happened and how bad it is."""
        return f"{self.word} · {self.severity}" if self.severity else self.word

    @property
    def symbol(self) -> str:
        """A coloured sign beside the word."""
        return _SYMBOLS.get(self.event, "🔔")

    @property
    def link(self) -> str:
        """The absolute address, or nothing."""
        return f"{settings.PUBLIC_URL}{self.path}" if self.path.startswith("/") else ""


def _cut(value: Any, limit: int) -> str:
    text = " ".join(str(value).split()) if limit <= _TITLE else str(value).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain_text(notices: Sequence[Notice]) -> str:
    """Say it in one line: what a phone's lock screen shows."""
    first = notices[0]
    line = f"{first.headline}: {first.title}"
    if first.scope:
        line += f" ({first.scope})"
    return line if len(notices) == 1 else f"{_count(notices)}: {line} and {len(notices) - 1} more"


def _count(notices: Sequence[Notice]) -> str:
    return f"{len(notices)} updates on incidents"


# -- Slack -----------------------------------------------------------------------------------------------------------


def slack_body(notices: Sequence[Notice], message_id: str) -> dict[str, Any]:
    """Build the JSON for a Slack (or Mattermost) incoming webhook: one incident in full, several as a list."""
    blocks = _slack_one(notices[0]) if len(notices) == 1 else _slack_digest(notices)
    blocks.append(_slack_context(f"PulseOps · message {message_id}"))
    return {"text": _slack_escape(plain_text(notices)), "blocks": blocks}


def _slack_one(notice: Notice) -> list[dict[str, Any]]:
    title = _slack_link(notice)
    blocks = [_slack_section(f"{notice.symbol} *{_slack_escape(notice.headline)}*\n*{title}*")]
    if notice.text:
        blocks.append(_slack_section(_slack_escape(notice.text)))
    lines = [*([("Where", notice.scope)] if notice.scope else []), *notice.facts]
    if lines:
        fields = [{"type": "mrkdwn", "text": f"*{_slack_escape(n)}*\n{_slack_escape(v)}"} for n, v in lines]
        blocks.append({"type": "section", "fields": fields[:10]})
    return blocks


def _slack_digest(notices: Sequence[Notice]) -> list[dict[str, Any]]:
    blocks = [_slack_section(f"🔔 *{_count(notices)}*")]
    lines = [f"{n.symbol} {_slack_escape(n.headline)}: {_slack_link(n)}{_in(n, _slack_escape)}" for n in notices]
    starts = range(0, min(len(lines), _LISTED), 5)  # a section holds 3,000 characters
    blocks += [_slack_section("\n".join(lines[start : start + 5][: _LISTED - start])) for start in starts]
    if len(lines) > _LISTED:
        blocks.append(_slack_section(f"and {len(lines) - _LISTED} more: {settings.PUBLIC_URL}/incidents"))
    return blocks


def _in(notice: Notice, escape: Any) -> str:
    return f" ({escape(notice.scope)})" if notice.scope else ""


def _slack_link(notice: Notice) -> str:
    title = _slack_escape(notice.title).replace("|", "¦")
    return f"<{notice.link}|{title}>" if notice.link else title


def _slack_section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _slack_context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _slack_escape(text: str) -> str:
    """Escape what Slack reads: https://api.slack.com/reference/surfaces/formatting#escaping."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "\u2217").replace("`", "'")


# -- Discord ---------------------------------------------------------------------------------------------------------


def discord_body(notices: Sequence[Notice], message_id: str) -> dict[str, Any]:
    """Build the JSON for a Discord webhook: one incident in full, several as a list. Nobody is mentioned."""
    embed = _discord_one(notices[0]) if len(notices) == 1 else _discord_digest(notices)
    return {
        "content": _discord_escape(plain_text(notices)),
        "embeds": [{**embed, "footer": {"text": f"PulseOps · message {message_id}"}}],
        "allowed_mentions": {"parse": []},
    }


def _discord_one(notice: Notice) -> dict[str, Any]:
    lines = [*([("Where", notice.scope)] if notice.scope else []), *notice.facts]
    return {
        "title": _discord_escape(notice.title)[:256],
        **({"url": notice.link} if notice.link else {}),
        "description": f"{notice.symbol} **{notice.headline}**\n{_discord_escape(notice.text)}".strip(),
        "color": _COLOURS.get(notice.event, _NEUTRAL),
        "fields": [{"name": n, "value": _discord_escape(v) or "-", "inline": True} for n, v in lines],
    }


def _discord_digest(notices: Sequence[Notice]) -> dict[str, Any]:
    lines = []
    for notice in notices[:_LISTED]:
        title = _discord_escape(notice.title[:80])
        linked = f"[{title}]({notice.link})" if notice.link else title
        lines.append(f"{notice.symbol} {notice.headline}: {linked}"[:190])
    if len(notices) > _LISTED:
        lines.append(f"and {len(notices) - _LISTED} more: {settings.PUBLIC_URL}/incidents")
    return {"title": _count(notices), "description": "\n".join(lines), "color": _NEUTRAL}


def _discord_escape(text: str) -> str:
    return re.sub(r"([\\*_~`|>\[\]()#@])", r"\\\1", text)
