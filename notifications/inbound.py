"""What services tell us back of alerts of ours: whose it is, whether it was received before, what it is about."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from notifications.channels import CHANNEL_TYPES
from notifications.channels.secrets import valid_secrets
from notifications.channels.service_events import Inbound, ServiceEvent
from notifications.messages import subject_of_key
from notifications.models import Channel, Job, ReceivedEvent
from pulseops.core.config.encryption import UnreadableSecretError

log = logging.getLogger(__name__)
_REFUSAL_NOTED_EVERY = timedelta(minutes=1)


class NotGenuineError(Exception):
    """Nothing proves that the channel's service sent this."""


def inbound_channel(channel_id: UUID, headers: Mapping[str, str]) -> Channel:
    """Return the channel that a webhook is for, if its headers could prove that its service sent it.

    Raises NotGenuineError; for headers that no kind knows without a look into the database.
    """
    if not any(_is_shaped(kind.inbound, headers) for kind in CHANNEL_TYPES.values() if kind.inbound):
        raise NotGenuineError
    channel = Channel.objects.select_related("org").filter(pk=channel_id, enabled=True).first()
    if channel is None or channel.org.suspended_at:
        raise NotGenuineError
    if channel.kind.inbound is None or not _is_shaped(channel.kind.inbound, headers):
        raise NotGenuineError
    return channel


def check_genuine(channel: Channel, headers: Mapping[str, str], body: bytes) -> Inbound:
    """Return how to read `body` if the channel's service has sent it; raises NotGenuineError."""
    inbound = channel.kind.inbound
    assert inbound is not None
    try:
        secrets = valid_secrets(channel.config_json, inbound.key_name)
    except UnreadableSecretError:
        secrets = []
    if not secrets or not inbound.is_genuine(headers[inbound.header], body, secrets):
        _note_refusal(channel)
        raise NotGenuineError
    return inbound


def _is_shaped(inbound: Inbound, headers: Mapping[str, str]) -> bool:
    return inbound.header in headers and inbound.is_shaped(headers[inbound.header])


def _note_refusal(channel: Channel) -> None:
    """Leave a trace for the admin who entered the wrong secret; one write a minute, for anyone can cause it."""
    now = timezone.now()
    before = Q(last_refused_at=None) | Q(last_refused_at__lt=now - _REFUSAL_NOTED_EVERY)
    Channel.objects.filter(before, pk=channel.pk).update(last_refused_at=now)
    log.warning("a webhook of a channel's service was refused", extra={"channel": str(channel.pk)})


def take_event(channel: Channel, event: ServiceEvent) -> ReceivedEvent | None:
    """Write down that an event was received, in the transaction that acts on it; None if it was before.

    A process that is at the same event just now is waited for.
    """
    row = ReceivedEvent(
        org_id=channel.org_id, channel=channel, event_id=event.id, word=event.word, by=event.by, alert_id=event.alert_id
    )
    row.subject_id = _subject_of(channel, event)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return None
    return row


def _subject_of(channel: Channel, event: ServiceEvent) -> int | None:
    """Return the incident by the name that we gave the alert, else by what was received about the alert before."""
    if event.subject_key or not event.alert_id:
        return subject_of_key(event.subject_key)
    rows = ReceivedEvent.objects.filter(channel=channel, alert_id=event.alert_id, subject_id__isnull=False)
    return rows.order_by("-pk").values_list("subject_id", flat=True).first()


def was_notified(channel: Channel, subject_id: int) -> bool:
    """Return whether a message about the incident was written for the channel and is kept."""
    return Job.objects.filter(channel=channel, subject_id=subject_id).exists()
