"""The webhooks of PagerDuty, Opsgenie and Jira: what people do there with an alert of ours is done here, in their name.

A delivery is known by its proof before it is parsed. Its row and what it does are one transaction, so what fails leaves
nothing and the service's redelivery does all of it; one that was received already does nothing. The service is not
notified of what it told us itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.tenancy import public
from deployments.quotas import has_room_for_delivery, too_many_deliveries
from incidents.actions import add_note, move_incident
from incidents.models import Incident
from incidents.notices import Via
from incidents.queries import incident_of_reply, last_move_at
from incidents.transitions import Move, TransitionError
from notifications.channels.service_events import Inbound, ServiceEvent
from notifications.inbound import NotGenuineError, check_genuine, inbound_channel, take_event, was_notified
from notifications.models import Channel
from notifications.tasks import SENT_KEPT
from pulseops.core.web.body import BodyIncompleteError, BodyTooLargeError, read_body
from pulseops.core.web.json_errors import json_data, json_error
from pulseops.core.web.machine_routes import machine_route

MAX_BYTES = 256 * 1024  # more than the services send
SKEW = timedelta(minutes=1)  # between the service's clock and ours
_MOVES: Mapping[str, Move] = {"acknowledge": Move.ACKNOWLEDGE, "resolve": Move.RESOLVE, "reopen": Move.REOPEN}
_DONE = {"acknowledge": "Acknowledged", "resolve": "Resolved", "reopen": "Reopened", "note": "Note added"}


@public
@machine_route
def service_webhook(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """POST /api/v1/channels/CHANNEL/events: 200 for all that the channel's service sent, 401 for anything else."""
    if request.method != "POST":
        return json_error("METHOD_NOT_ALLOWED", "Send a POST.", allow=["POST"])
    try:
        channel = inbound_channel(channel_id, request.headers)
        body = read_body(request, MAX_BYTES)
        inbound = check_genuine(channel, request.headers, body)
    except NotGenuineError:
        return json_error("UNAUTHORIZED", "This was not sent by the service of the channel, or its secret is another.")
    except BodyTooLargeError:
        return json_error("PAYLOAD_TOO_LARGE", f"This body has at most {MAX_BYTES // 1024} KiB.")
    except BodyIncompleteError:
        return json_error("BAD_REQUEST", "The body did not arrive whole.")
    if not has_room_for_delivery(channel.org_id):
        return too_many_deliveries().response()
    event = inbound.read(body)
    if event is None:
        return json_data({"result": "Not an event that is known here."})
    return json_data({"result": _receive(channel, inbound, event)})


@transaction.atomic
def _receive(channel: Channel, inbound: Inbound, event: ServiceEvent) -> str:
    row = take_event(channel, event)
    if row is None:
        return "It was received before."
    incident = _incident(channel, row.subject_id)
    row.subject_id = incident.pk if incident else None
    row.result = _act(channel, incident, inbound.service(channel.config_json), event)
    row.save(update_fields=["subject_id", "result"])
    return row.result


def _incident(channel: Channel, subject_id: int | None) -> Incident | None:
    """Return the incident if the channel was notified of it; what it was notified of long ago is no longer known."""
    incident = incident_of_reply(channel.org, subject_id) if subject_id is not None else None
    if incident is None or was_notified(channel, incident.pk):
        return incident
    return incident if incident.created_at < timezone.now() - SENT_KEPT else None


def _act(channel: Channel, incident: Incident | None, service: str, event: ServiceEvent) -> str:
    if incident is None:
        return "It is not about an incident of which this channel was notified."
    if not event.act:
        return "Nothing is done for it here."
    if not event.by:
        return "No person did this, so nothing is done here."
    author = f"{event.by} in {service}"
    via = Via(f"by {author}", author, channel.pk)
    if event.act == "note":
        return _note(incident, via, event)
    return _move(incident, via, event)


def _note(incident: Incident, via: Via, event: ServiceEvent) -> str:
    if not event.text:
        return "The note is empty."
    add_note(actor=None, incident=incident, text=event.text, via=via)
    return f"{_DONE[event.act]}."


def _move(incident: Incident, via: Via, event: ServiceEvent) -> str:
    last = last_move_at(incident)
    if event.at and last and event.at < last - SKEW:
        return "It happened before the last change here, so nothing is done."
    try:
        is_changed = move_incident(actor=None, incident=incident, move=_MOVES[event.act], via=via)
    except TransitionError as error:
        return str(error)
    return f"{_DONE[event.act]}." if is_changed else f"{_DONE[event.act]} already."
