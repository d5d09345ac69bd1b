"""Telegram: a bot's sendMessage, https://core.telegram.org/bots/api#sendmessage, whose limits hold here.

HTML is the one mode in which every character can be escaped; between <pre> nothing is made a link or a mention. Later
messages about an incident reply to the first one; if that was deleted in the chat, they stand by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from notifications.channels.http import HttpType, KeyedForm
from notifications.channels.posting import Outgoing
from notifications.channels.secrets import secret_in
from notifications.messages import LISTED, Fact, Notice, count_of, fit, rest_of, unlinked
from pulseops.core.outbound.client import Answer

TEXT = 4_096  # characters once the markup is read; as they are sent they are more
_TITLE, _BODY, _QUOTED, _FACT = 400, 1_200, 900, 200
_MOST_ID = 2**53
SERVER = "https://api.telegram.org"


class TelegramForm(KeyedForm):
    """The bot's token and the chat."""

    secrets = ("token",)
    token = forms.CharField(
        label="Bot token",
        max_length=100,
        validators=[RegexValidator(r"\A[0-9]{1,20}:[A-Za-z0-9_-]{30,60}\Z", "This is not the token of a bot.")],
    )
    chat = forms.CharField(
        label="Chat",
        max_length=64,
        validators=[RegexValidator(r"\A(-?[0-9]{1,20}|@[A-Za-z0-9_]{4,32})\Z", "A number, or @ and a channel's name.")],
        help_text="The chat's number, or the name of a public channel with @.",
    )


def telegram_text(notices: Sequence[Notice], message_id: str) -> str:
    """Build the text: one incident in full, several as a list."""
    parts = _one(notices[0]) if len(notices) == 1 else _digest(notices)
    return "\n".join([*parts, f"<i>PulseOps · message {_text(message_id)}</i>"])


def _one(notice: Notice) -> list[str]:
    parts = [f"{notice.symbol} <b>{_text(notice.headline)}</b>", f"<b>{fit(notice.title, _TITLE, _text)}</b>"]
    if notice.text:
        parts.append(fit(notice.text, _BODY, _text))
    if notice.quoted:
        quoted = fit("\n".join(notice.quoted), _QUOTED, escape)
        parts.append(f"<pre>{quoted}</pre>")
    facts = [*([Fact("Where", notice.where)] if notice.where else []), *notice.facts]
    parts += [f"<b>{fit(fact.name, _FACT, _text)}</b>: {fit(fact.text, _FACT, _text)}" for fact in facts]
    if notice.actions:
        parts.append(" · ".join(f'<a href="{escape(each.url)}">{_text(each.label)}</a>' for each in notice.actions))
    return parts


def _digest(notices: Sequence[Notice]) -> list[str]:
    lines = []
    for notice in notices[:LISTED]:
        title = fit(notice.title, 100, _text)
        link = f'<a href="{escape(notice.link)}">{title}</a>' if notice.link else title
        lines.append(f"{notice.symbol} {_text(notice.headline)}: {link}")
    rest = rest_of(notices, LISTED)
    return [f"🔔 <b>{count_of(notices)}</b>", *lines, *([escape(rest)] if rest else [])]


def _text(text: str) -> str:
    return escape(unlinked(text))


class TelegramType(HttpType):
    """See the module."""

    type = "telegram"
    label = "Telegram"
    description = "Make a bot with @BotFather, add it to the chat, and copy its token and the chat's number."
    order = 5
    form_class = TelegramForm
    threads = True
    hosts = ("api.telegram.org",)

    def server(self, config: Mapping[str, Any]) -> str:
        """See HttpType."""
        return super().server(config) or SERVER

    def masked(self, config: Any) -> str:
        """Return the chat."""
        return f"{self.receiver(config)}/{config.get('chat', '')}" if isinstance(config, Mapping) else ""

    def outgoing(self, config: Mapping[str, Any], notices: Sequence[Notice], message_id: str) -> Outgoing:
        """See HttpType."""
        token = secret_in(config, "token")
        body = {
            "chat_id": config.get("chat"),
            "text": telegram_text(notices, message_id),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        return Outgoing.of_json(f"{self.server(config)}/bot{token}/sendMessage", body, secrets=(token,))

    def reply(self, outgoing: Outgoing, thread: str) -> Outgoing:
        """See HttpType; https://core.telegram.org/bots/api#replyparameters."""
        to = {"message_id": int(thread), "allow_sending_without_reply": True}
        body = {**json.loads(outgoing.body), "reply_parameters": to}
        return Outgoing.of_json(outgoing.url, body, secrets=outgoing.secrets)

    def receipt(self, answer: Answer) -> str:
        """See HttpType."""
        try:
            number = json.loads(answer.body)["result"]["message_id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        return str(number) if type(number) is int and 0 < number <= _MOST_ID else ""


CHANNEL_TYPE = TelegramType()
