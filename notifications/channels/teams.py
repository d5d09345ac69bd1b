"""Microsoft Teams: a Workflow that is started by a webhook and posts an adaptive card.

https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook, https://adaptivecards.io/explorer/. What people
or programs have written stands in text runs, which know no markup; a card may have 28 KB.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from notifications.channels.webhook import WebhookForm, WebhookType
from notifications.messages import LISTED, Fact, Notice, count_of, plain_text, rest_of

MOST_BYTES = 28 * 1024
HOSTS = (".logic.azure.com", ".api.powerplatform.com", ".webhook.office.com")
_COLOURS = {
    "incident.created": "attention",
    "incident.reopened": "attention",
    "incident.escalated": "attention",
    "incident.investigating": "warning",
    "incident.resolved": "good",
}


class TeamsForm(WebhookForm):
    """The address of a workflow."""

    hosts = HOSTS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["webhook_url"].widget.attrs["placeholder"] = "https://….logic.azure.com/workflows/…"


def teams_body(notices: Sequence[Notice], message_id: str) -> dict[str, Any]:
    """Build what the template “Post to a channel when a webhook request is received” takes."""
    listed = min(len(notices), LISTED)
    while True:
        body = _message(_one(notices[0]) if len(notices) == 1 else _digest(notices, listed), notices, message_id)
        if listed <= 1 or len(json.dumps(body)) <= MOST_BYTES:
            return body
        listed //= 2


def _message(elements: list[dict[str, Any]], notices: Sequence[Notice], message_id: str) -> dict[str, Any]:
    actions = notices[0].actions if len(notices) == 1 else ()
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": plain_text(notices),
        "body": [*elements, _runs(_run(f"PulseOps · message {message_id}", size="small", isSubtle=True))],
        "actions": [{"type": "Action.OpenUrl", "title": each.label, "url": each.url} for each in actions],
        "msteams": {"width": "full"},
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _one(notice: Notice) -> list[dict[str, Any]]:
    elements = [
        _runs(_run(f"{notice.symbol} {notice.headline}", weight="bolder", color=_COLOURS.get(notice.event, "default"))),
        _runs(_run(notice.title, weight="bolder", size="medium")),
    ]
    if notice.text:
        elements.append(_runs(_run(notice.text)))
    elements += [_runs(_run(line, fontType="monospace", size="small")) for line in notice.quoted]
    facts = [*([Fact("Where", notice.where)] if notice.where else []), *notice.facts]
    elements += [_runs(_run(f"{fact.name}: ", isSubtle=True), _run(fact.text or "-")) for fact in facts]
    return elements


def _digest(notices: Sequence[Notice], listed: int) -> list[dict[str, Any]]:
    elements = [_runs(_run(f"🔔 {count_of(notices)}", weight="bolder", size="medium"))]
    for notice in notices[:listed]:
        link = {"selectAction": {"type": "Action.OpenUrl", "url": notice.link}} if notice.link else {}
        elements.append(_runs(_run(f"{notice.symbol} {notice.headline}: "), _run(notice.title, **link)))
    rest = rest_of(notices, listed)
    return [*elements, *([_runs(_run(rest))] if rest else [])]


def _runs(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **look}


CHANNEL_TYPE = WebhookType(
    type="teams",
    label="Microsoft Teams",
    description="The channel's menu, Workflows, “Send webhook alerts to a channel”: copy the address that it shows.",
    order=4,
    form_class=TeamsForm,
    body=teams_body,
    hosts=HOSTS,
)
