"""What Slack sends when the button of a message is pressed: the incident is acknowledged, and the message updated.

https://api.slack.com/authentication/verifying-requests-from-slack and /interactivity/handling. Slack waits for three
seconds, so the message is updated by the worker.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from accounts.tenancy import public
from deployments.quotas import has_room_for_delivery, too_many_deliveries
from incidents.actions import acknowledge_incident
from incidents.models import Incident
from incidents.notices import Via
from incidents.queries import incident_of_reply
from incidents.transitions import TransitionError
from notifications.channels.slack import ACKNOWLEDGE
from notifications.messages import plain_line
from notifications.models import Channel
from notifications.replies import ReplyExpiredError, ReplyForgedError, interactive_channel, read_reply
from notifications.webhook_addresses import PURPOSE
from pulseops.core.config.encryption import encrypt
from pulseops.core.jobs.queue import enqueue_after_commit
from pulseops.core.web.body import BodyIncompleteError, BodyTooLargeError, read_body
from pulseops.core.web.json_errors import json_error
from pulseops.core.web.machine_routes import machine_route
from pulseops.core.web.numbers import whole_number

MAX_BYTES = 256 * 1024
VALID_SECONDS = 300  # of a signature


@public
@machine_route
def interaction(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """POST /api/v1/slack/CHANNEL: 200 for what the channel's app signed, 401 for anything else, 429 above the quota."""
    if request.method != "POST":
        return json_error("METHOD_NOT_ALLOWED", "Send a POST.", allow=["POST"])
    try:
        body = read_body(request, MAX_BYTES)
    except BodyTooLargeError:
        return json_error("PAYLOAD_TOO_LARGE", f"This body has at most {MAX_BYTES // 1024} KiB.")
    except BodyIncompleteError:
        return json_error("BAD_REQUEST", "The body did not arrive whole.")
    found = interactive_channel(channel_id)
    if found is None or not is_signed(request, body, found[1]):
        return json_error("UNAUTHORIZED", "The signature is not that of this channel's Slack app.")
    if not has_room_for_delivery(found[0].org_id):  # each leaves the worker a message to send
        return too_many_deliveries().response()
    _act(found[0], _payload(body))
    return HttpResponse()


def is_signed(request: HttpRequest, body: bytes, secret: str) -> bool:
    """Return whether Slack signed `body` with `secret` within the last minutes."""
    timestamp = whole_number(request.headers.get("x-slack-request-timestamp", ""))
    if timestamp is None or abs(time.time() - timestamp) > VALID_SECONDS:
        return False
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    given = request.headers.get("x-slack-signature", "").encode("utf-8", "replace")
    return hmac.compare_digest(f"v0={digest}".encode(), given)


def _payload(body: bytes) -> dict[str, Any]:
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
        payload = json.loads(fields.get("payload", [""])[0])
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _act(channel: Channel, payload: dict[str, Any]) -> None:
    actions, user = payload.get("actions"), payload.get("user")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, dict) or action.get("action_id") != ACKNOWLEDGE:
        return
    name = plain_line(str(user.get("username") or user.get("name") or ""))[:80] if isinstance(user, dict) else ""
    problem, incident = "", None
    try:
        reply = read_reply(str(action.get("value") or ""))
        incident = incident_of_reply(reply.channel.org, reply.subject_id) if reply.channel.pk == channel.pk else None
    except ReplyExpiredError:
        problem = "This button has expired. Acknowledge the incident in PulseOps."
    except ReplyForgedError:
        pass
    if incident is None:
        problem = problem or "The incident of this button no longer exists."
    elif incident.status == Incident.Status.OPEN:
        with suppress(TransitionError):  # it was resolved just now; the message says so
            acknowledge_incident(actor=None, incident=incident, via=Via(f"by {name or 'a user'} in {channel}"))
    _answer_later(channel, incident, problem, payload.get("response_url"))


def _answer_later(channel: Channel, incident: Incident | None, problem: str, response_url: Any) -> None:
    if not isinstance(response_url, str) or len(response_url) > 2_000:
        return
    address = encrypt(PURPOSE, response_url)  # who has it can change the message
    values = (str(channel.pk), incident.pk if incident else None, problem, address)
    enqueue_after_commit("incidents.tasks.answer_slack", *values)
