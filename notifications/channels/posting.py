"""Sending one request to a receiver, and what its answer means; all kinds that speak HTTP go this way."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from django.conf import settings

from notifications.channels.base import PermanentError, RateLimitedError, TransientError
from pulseops.core.outbound.client import Answer, RefusedError, UnreachableError, exchange, parse_target

DEMO_HOST = "demo.invalid"  # RFC 2606 keeps .invalid from ever being a host
LONGEST_PAUSE = 3600  # seconds; a receiver that asks for more is asked again after this
Hosts = Collection[str] | None  # names, or ".name" for all below it; None is every host of the public internet
_RETRYABLE = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request; `secrets` are what no reason may repeat, besides the path of `url`."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @classmethod
    def of_json(
        cls, url: str, payload: Any, headers: Mapping[str, str] | None = None, secrets: tuple[str, ...] = ()
    ) -> Outgoing:
        """Make a request that posts `payload` as JSON."""
        body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
        return cls(url, body, {"Content-Type": "application/json", **(headers or {})}, secrets)


def check_address(url: str, hosts: Hosts) -> None:
    """Raise RefusedError unless `url` is https on one of `hosts` or of those that the operator has added.

    Whatever the host, the client connects to no address that is not on the public internet (OUTGOING_PRIVATE_HOSTS).
    """
    target = parse_target(url)
    if target.is_private or target.is_in(settings.NOTIFICATION_HOSTS):
        return
    if hosts is None:
        if settings.NOTIFICATION_ANY_HOST:
            return
        raise RefusedError(f"{target.host} is not a host that messages may go to. {_HOW_TO_ALLOW}")
    if not any(target.host.endswith(each) if each.startswith(".") else target.is_in([each]) for each in hosts):
        raise RefusedError(
            f"{target.host} is not a host that messages may go to. Allowed: {', '.join(hosts)}. {_HOW_TO_ALLOW}"
        )


_HOW_TO_ALLOW = "The operator of this installation can allow more (NOTIFICATION_HOSTS)."


def post(outgoing: Outgoing, message_id: str, hosts: Hosts) -> Answer:
    """Send; returns the answer when the receiver has taken it. Raises as ChannelType.send does.

    What is sent to a demo's host is taken without a connection; forms refuse this host.
    """
    try:
        if parse_target(outgoing.url).host == DEMO_HOST:
            return Answer(200, {}, b"")
        check_address(outgoing.url, hosts)
        headers = {"Idempotency-Key": message_id, **outgoing.headers}
        answer = exchange("POST", outgoing.url, outgoing.body, headers, settings.NOTIFICATION_TIMEOUT_SECONDS)
    except RefusedError as error:
        raise PermanentError(str(error)) from error
    except UnreachableError as error:
        raise TransientError(str(error), is_unreachable=True) from error
    _judge(answer, outgoing)
    return answer


def _judge(answer: Answer, outgoing: Outgoing) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    reason = f"The receiver answered {status}{_excerpt(answer, outgoing)}"
    if status == 429:
        seconds = _retry_after(answer)
        raise RateLimitedError(f"The receiver asked to wait {seconds} s (429).", seconds)
    if 300 <= status < 400:
        raise PermanentError(f"{reason}: redirects are not followed.")
    if 400 <= status < 500 and status not in _RETRYABLE:
        raise PermanentError(reason)
    raise TransientError(reason)


def _excerpt(answer: Answer, outgoing: Outgoing) -> str:
    """What the receiver said, short, on one line and without a secret."""
    text = re.sub(r"[^\x20-\x7e]+", " ", answer.body[:1000].decode("utf-8", "replace")).strip()
    for secret in (outgoing.url, outgoing.url.split("/", maxsplit=3)[-1], *outgoing.secrets):
        text = text.replace(secret, "…") if secret else text
    return f": {text[:160]}" if text and not text.startswith("<") else ""


def _retry_after(answer: Answer) -> int:
    """Seconds to wait, by the header or by the JSON of Discord or Telegram; 30 when the receiver does not say."""
    for given in (answer.headers.get("retry-after"), *_retry_after_of_json(answer)):
        seconds = _seconds(given or "")
        if seconds is not None and math.isfinite(seconds):
            return min(max(math.ceil(seconds), 1), LONGEST_PAUSE)
    return 30


def _seconds(given: str) -> float | None:
    """Read a number of seconds or, as RFC 9110 also allows, a date."""
    try:
        return float(given)
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(given)
    except (ValueError, OverflowError):
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _retry_after_of_json(answer: Answer) -> list[str]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return []
    places = [said, said.get("parameters")] if isinstance(said, dict) else []
    return [str(each["retry_after"]) for each in places if isinstance(each, dict) and "retry_after" in each]
