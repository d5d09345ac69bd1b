"""Slack, and what speaks its format: incoming webhooks that take blocks.

Limits and escaping: https://api.slack.com/reference/block-kit/blocks and /reference/surfaces/formatting#escaping.
Whatever people or programs have written is escaped, so it can neither mention anyone nor hide a link.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from notifications.channels.webhook import WebhookForm, WebhookType
from notifications.messages import LISTED, Fact, Notice, count_of, fit, plain_text, rest_of

_SECTION, _FIELD, _FALLBACK = 3_000, 2_000, 4_000  # characters, as they are sent
_TITLE, _SCOPE = 600, 300  # of one incident, so that a line with its link fits a section


class SlackForm(WebhookForm):
    """The address of an incoming webhook."""

    foreign_hosts = {"discord.com": "Discord", "discordapp.com": "Discord"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["webhook_url"].widget.attrs["placeholder"] = "https://hooks.slack.com/services/…"


def slack_body(notices: Sequence[Notice], message_id: str) -> dict[str, Any]:
    """Build the JSON for an incoming webhook: one incident in full, several as a list."""
    blocks = _one(notices[0]) if len(notices) == 1 else _digest(notices)
    blocks.append({"type": "context", "elements": [_text(f"PulseOps · message {message_id}")]})
    return {"text": fit(plain_text(notices), _FALLBACK, _escape), "blocks": blocks}


def _one(notice: Notice) -> list[dict[str, Any]]:
    blocks = [_section(f"{notice.symbol} *{_escape(notice.headline)}*\n*{_link(notice)}*")]
    if notice.text:
        blocks.append(_section(fit(notice.text, _SECTION, _escape)))
    if notice.quoted:
        quoted = fit("\n".join(notice.quoted), _SECTION - 8, _escape)
        blocks.append(_section(f"```\n{quoted}\n```"))
    facts = [*([Fact("Where", notice.where)] if notice.where else []), *notice.facts]
    if facts:
        blocks.append({"type": "section", "fields": [_text(_fact(fact)) for fact in facts[:10]]})
    if len(notice.actions) > 1:
        blocks.append(_section(" · ".join(f"<{each.url}|{_escape(each.label)}>" for each in notice.actions)))
    return blocks


def _fact(fact: Fact) -> str:
    half = _FIELD // 2 - 8
    value = fit(fact.text, half, _escape)
    if fact.at:
        value = f"<!date^{int(fact.at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{value}>"
    return f"*{fit(fact.name, half, _escape)}*\n{value}"


def _digest(notices: Sequence[Notice]) -> list[dict[str, Any]]:
    lines = [f"{n.symbol} {_escape(n.headline)}: {_link(n)}{_scope(n)}" for n in notices[:LISTED]]
    blocks = [_section(f"🔔 *{count_of(notices)}*"), *map(_section, _packed(lines))]
    return [*blocks, *([_section(rest)] if (rest := rest_of(notices, LISTED)) else [])]


def _packed(lines: Sequence[str]) -> Iterator[str]:
    """Join as many lines as a section holds."""
    text = ""
    for line in lines:
        if text and len(text) + 1 + len(line) > _SECTION:
            yield text
            text = line
        else:
            text = f"{text}\n{line}" if text else line
    yield text


def _scope(notice: Notice) -> str:
    return f" ({fit(notice.where, _SCOPE, _escape)})" if notice.where else ""


def _link(notice: Notice) -> str:
    title = fit(notice.title, _TITLE, _escape)
    return f"<{notice.link}|{title}>" if notice.link else title


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    # Verbatim: Slack makes no link or mention of what merely looks like one.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escape(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("*", "\u2217").replace("`", "'").replace("|", "¦")


CHANNEL_TYPE = WebhookType(
    type="slack",
    label="Slack",
    description="Add the app “Incoming WebHooks” to a channel and copy its address. "
    "Mattermost and others that speak Slack's format work too.",
    order=1,
    form_class=SlackForm,
    body=slack_body,
)
