"""Sending one message to one channel, and what the receiver's answer means."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from django.conf import settings

from notifications.messages import Notice, discord_body, slack_body
from notifications.models import DEMO_HOST, Channel
from pulseops.core.outbound.client import Answer, RefusedError, UnreachableError, parse_target, post_json

HOSTS = ("hooks.slack.com", "discord.com", "discordapp.com")
_RETRYABLE = frozenset({408, 425})
_LONGEST_PAUSE = 3600  # seconds; a receiver that asks for more is asked again after this

Bodies = Callable[[Sequence[Notice], str], Mapping[str, Any]]
BODIES: Mapping[str, Bodies] = {Channel.Type.SLACK: slack_body, Channel.Type.DISCORD: discord_body}


@dataclass(slots=True)
class TransientError(Exception):
    """Not now: worth another attempt. `is_unreachable` when nothing answered at all."""

    reason: str
    is_unreachable: bool = False


@dataclass(slots=True)
class PermanentError(Exception):
    """Not ever, unless somebody changes something."""

    reason: str


@dataclass(slots=True)
class RateLimitedError(Exception):
    """Not before `retry_after` seconds have passed; the message itself is fine."""

    reason: str
    retry_after: int


def check_webhook_url(url: str) -> None:
    """Raise RefusedError unless `url` is https on a host that channels may post to."""
    target = parse_target(url)
    if not (target.is_in(HOSTS) or target.is_in(settings.NOTIFICATION_HOSTS) or target.is_private):
        raise RefusedError(f"{target.host} is not a host that messages may go to. Allowed: {', '.join(HOSTS)}.")


def send(kind: str, webhook_url: str, notices: Sequence[Notice], message_id: str) -> None:
    """Send one message about `notices` (oldest first); returns when the receiver has taken it.

    A demo's channel takes it without a connection. `message_id` stays the same when the same message is sent again.
    Raises TransientError, PermanentError or RateLimitedError with a reason that holds no secret.
    """
    try:
        body = BODIES[kind](notices, message_id)
        if parse_target(webhook_url).host == DEMO_HOST:
            return  # the end of the way of a demo's message; forms refuse this host
        check_webhook_url(webhook_url)
        headers = {"Idempotency-Key": message_id}
        answer = post_json(webhook_url, body, headers=headers, timeout=settings.NOTIFICATION_TIMEOUT_SECONDS)
    except RefusedError as error:
        raise PermanentError(str(error)) from error
    except UnreachableError as error:
        raise TransientError(str(error), is_unreachable=True) from error
    _judge(answer, webhook_url)


def _judge(answer: Answer, webhook_url: str) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    reason = f"The receiver answered {status}{_excerpt(answer, webhook_url)}"
    if status == 429:
        raise RateLimitedError("The receiver asked to wait (429).", _retry_after(answer))
    if 300 <= status < 400:
        raise PermanentError(f"{reason}: redirects are not followed.")
    if 400 <= status < 500 and status not in _RETRYABLE:
        raise PermanentError(reason)
    raise TransientError(reason)


def _excerpt(answer: Answer, webhook_url: str) -> str:
    """What the receiver said, short, on one line and without the secret of the address."""
    text = re.sub(r"[^\x20-\x7e]+", " ", answer.body[:1000].decode("utf-8", "replace")).strip()
    path = webhook_url.split("/", maxsplit=3)[-1]
    text = text.replace(webhook_url, "…").replace(path, "…") if path else text
    return f": {text[:160]}" if text and not text.startswith("<") else ""


def _retry_after(answer: Answer) -> int:
    """Seconds to wait, by the header or by Discord's JSON; 30 when the receiver does not say."""
    for given in (answer.headers.get("retry-after"), _discord_retry_after(answer)):
        seconds = _seconds(given or "")
        if seconds is not None and math.isfinite(seconds):
            return min(max(math.ceil(seconds), 1), _LONGEST_PAUSE)
    return 30


def _seconds(given: str) -> float | None:
    """Read a number of seconds or, as RFC 9110 also allows, a date."""
    try:
        return float(given)
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _discord_retry_after(answer: Answer) -> str:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return ""
    return str(told.get("retry_after", "")) if isinstance(told, dict) else ""
