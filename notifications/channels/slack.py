"""Slack, and what speaks its format: incoming webhooks that take blocks.

Limits and escaping: https://api.slack.com/reference/block-kit/blocks and /reference/surfaces/formatting#escaping.
Whatever people or programs have written is escaped, so it can neither mention anyone nor hide a link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from notifications.channels.secrets import SUFFIX, encrypted, secret_in
from notifications.channels.webhook import WebhookForm, WebhookType
from notifications.messages import LISTED, Fact, Notice, count_of, fit, plain_text, rest_of

ACKNOWLEDGE = "pulseops_acknowledge"  # the button's name in what Slack sends when it is pressed
_SECTION, _FIELD, _FALLBACK = 3_000, 2_000, 4_000  # characters, as they are sent
_TITLE, _SCOPE = 600, 300  # of one incident, so that a line with its link fits a section


class SlackForm(WebhookForm):
    """The address of an incoming webhook."""

    foreign_hosts = {"discord.com": "Discord", "discordapp.com": "Discord"}
    signing_secret = forms.CharField(
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Of your Slack app, if its interactivity leads here: then messages have a button, and are updated.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["webhook_url"].widget.attrs["placeholder"] = "https://hooks.slack.com/services/…"
        self.offer_removal("signing_secret")

    def config(self) -> dict[str, Any] | None:
        """Return the configuration with what was entered; None if nothing was. An empty secret keeps the one stored."""
        config = super().config()
        if secret := self.cleaned_data["signing_secret"]:
            return {**(config or self.current), **encrypted("signing_secret", secret)}
        if self.is_removed("signing_secret"):
            kept = config or self.current
            return {name: value for name, value in kept.items() if name != f"signing_secret{SUFFIX}"}
        return config


def slack_body(notices: Sequence[Notice], message_id: str, *, is_interactive: bool = False) -> dict[str, Any]:
    """Build the JSON for an incoming webhook: one incident in full, several as a list.

    `is_interactive`: the app tells us when a button is pressed (its signing secret is known), so there is one.
    """
    blocks = _one(notices[0], is_interactive=is_interactive) if len(notices) == 1 else _digest(notices)
    blocks.append({"type": "context", "elements": [_text(f"PulseOps · message {message_id}")]})
    return {"text": fit(plain_text(notices), _FALLBACK, _escape), "blocks": blocks}


def _one(notice: Notice, *, is_interactive: bool) -> list[dict[str, Any]]:
    blocks = [_section(f"{notice.symbol} *{_escape(notice.headline)}*\n*{_link(notice)}*")]
    if notice.text:
        blocks.append(_section(fit(notice.text, _SECTION, _escape)))
    if notice.quoted:
        quoted = fit("\n".join(notice.quoted), _SECTION - 8, _escape)
        blocks.append(_section(f"```\n{quoted}\n```"))
    facts = [*([Fact("Where", notice.where)] if notice.where else []), *notice.facts]
    if facts:
        blocks.append({"type": "section", "fields": [_text(_fact(fact)) for fact in facts[:10]]})
    button = notice.reply if is_interactive else ""
    links = [each for each in notice.actions if not (button and each.label == "Acknowledge")]
    if len(notice.actions) > 1:
        blocks.append(_section(" · ".join(f"<{each.url}|{_escape(each.label)}>" for each in links)))
    if button:
        blocks.append({"type": "actions", "elements": [_button(button)]})
    return blocks


def _button(token: str) -> dict[str, Any]:
    label = {"type": "plain_text", "text": "Acknowledge"}
    return {"type": "button", "action_id": ACKNOWLEDGE, "value": token, "style": "primary", "text": label}


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


@dataclass(frozen=True, slots=True)
class SlackType(WebhookType):
    """A webhook whose messages have a button where the app's signing secret is known."""

    def payload(self, config: Any, notices: Sequence[Notice], message_id: str) -> Mapping[str, Any]:
        """See WebhookType. Raises UnreadableSecretError."""
        return slack_body(notices, message_id, is_interactive=bool(secret_in(config, "signing_secret")))


CHANNEL_TYPE = SlackType(
    type="slack",
    label="Slack",
    description="Add the app “Incoming WebHooks” to a channel and copy its address. "
    "Mattermost and others that speak Slack's format work too.",
    order=1,
    form_class=SlackForm,
    body=slack_body,
)
