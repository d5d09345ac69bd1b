"""What changes channels and their messages. Actor first; each writes its audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import Org, User
from accounts.quotas import claim
from notifications.channels.recipients import addresses, confirmed_addresses
from notifications.channels.secrets import reencrypted, with_new_secret
from notifications.models import TEST_EVENT, Channel, Job
from notifications.outbox import enqueue_to
from notifications.routing import Routing
from notifications.webhook_addresses import address_in, with_address
from pulseops.core.jobs.wakeups import wake_delivery


@transaction.atomic
def create_channel(*, actor: User | None, org: Org, type: str, name: str, config: Mapping[str, Any]) -> Channel:  # noqa: A002
    """Add a channel; `config` is what the kind's form gave, which checked it.

    Raises QuotaError, or ConfigError.
    """
    claim(org, "channels")
    channel = Channel.objects.create(org=org, type=type, name=name, config_json=config)
    channel.kind.saved(actor, channel)
    record(actor=actor, org=org, action="channel.created", resource=channel, meta={"name": name, "type": type})
    return channel


@transaction.atomic
def change_channel(*, actor: User | None, channel: Channel, name: str, config: Mapping[str, Any] | None = None) -> None:
    """Rename a channel; a `config` replaces where its messages go, and its failures are forgotten.

    Raises ConfigError.
    """
    channel = Channel.objects.select_for_update().get(pk=channel.pk)
    channel.name = name
    if config is not None:
        channel.config_json = config
        channel.failures, channel.last_error, channel.paused_until = 0, None, None
    channel.save()
    if config is not None:
        channel.kind.saved(actor, channel)
    meta = {"name": name, "address_replaced": config is not None}
    record(actor=actor, org=channel.org, action="channel.changed", resource=channel, meta=meta)


@transaction.atomic
def route_channel(*, actor: User | None, channel: Channel, routing: Routing) -> bool:
    """Set what a channel is notified of; returns whether that changed anything; what is held stays held."""
    channel = Channel.objects.select_for_update().get(pk=channel.pk)
    before, after = channel.routing.to_json(), routing.to_json()
    if before == after:
        return False
    channel.routing_json = after
    channel.save(update_fields=["routing_json"])
    meta = {"name": channel.name, "from": before, "to": after}
    record(actor=actor, org=channel.org, action="channel.routed", resource=channel, meta=meta)
    return True


@transaction.atomic
def switch_channel(*, actor: User | None, channel: Channel, enabled: bool) -> bool:
    """Switch a channel on or off; returns whether that changed anything.

    What still waits for a channel that is switched off is failed with that reason: sent hours later it would mislead.
    """
    channel = Channel.objects.select_for_update().get(pk=channel.pk)
    if channel.enabled == enabled:
        return False
    channel.enabled = enabled
    channel.failures, channel.paused_until = 0, None
    channel.save()
    if not enabled:
        _fail_waiting(channel, "The channel was switched off before this was sent.")
    action = "channel.enabled" if enabled else "channel.disabled"
    record(actor=actor, org=channel.org, action=action, resource=channel, meta={"name": channel.name})
    return True


@transaction.atomic
def delete_channel(*, actor: User | None, channel: Channel) -> None:
    """Remove a channel; its messages stay as history."""
    channel = Channel.objects.select_for_update().get(pk=channel.pk)
    _fail_waiting(channel, f"The channel {channel} was deleted before this was sent.")
    meta = {"name": channel.name, "type": channel.type}
    record(actor=actor, org=channel.org, action="channel.deleted", resource=channel, meta=meta)
    channel.delete()


def _fail_waiting(channel: Channel, reason: str) -> None:
    waiting = Job.objects.filter(channel_id=channel.pk).outstanding()
    waiting.update(status=Job.Status.FAILED, last_error=reason, lease=None)


@transaction.atomic
def encrypt_addresses() -> tuple[int, int]:
    """Encrypt every channel's secrets by the key of today; returns how many channels have some, and how many of them
    hold one that cannot be decrypted.
    """
    done = unreadable = 0
    for channel in Channel.objects.select_for_update().order_by("pk"):
        if not channel.is_readable:
            unreadable += 1
            continue
        config = channel.config_json if isinstance(channel.config_json, Mapping) else {}
        url = address_in(config)
        changed = reencrypted(with_address(config, url) if url else config)
        if changed != config:
            channel.config_json = changed
            channel.save(update_fields=["config_json"])
            done += 1
    return done, unreadable


@transaction.atomic
def rotate_secret(*, actor: User | None, channel: Channel) -> str:
    """Give a channel whose kind has one a new secret; returns it, for it is shown once."""
    channel = Channel.objects.select_for_update().get(pk=channel.pk)
    is_first = "secret_encrypted" not in channel.config_json
    channel.config_json, secret = with_new_secret(channel.config_json)
    channel.save(update_fields=["config_json"])
    if not is_first:
        record(
            actor=actor, org=channel.org, action="channel.secret_rotated", resource=channel, meta={"name": channel.name}
        )
    return secret


@transaction.atomic
def confirm_address(*, channel_id: str, address: str) -> Channel | None:
    """Let `address` get the channel's mail, as its owner agreed; None if the channel or the address is gone."""
    channel = Channel.objects.select_for_update(of=["self"]).select_related("org").filter(pk=channel_id).first()
    if channel is None or address not in addresses(channel.config_json):
        return None
    confirmed = confirmed_addresses(channel.config_json)
    if address not in confirmed:
        channel.config_json = {**channel.config_json, "confirmed": [*confirmed, address]}
        channel.save(update_fields=["config_json"])
        meta = {"name": channel.name, "address": address}
        record(actor=None, org=channel.org, action="channel.address_confirmed", resource=channel, meta=meta)
    return channel


@transaction.atomic
def leave_channel(*, channel_id: str, address: str) -> bool:
    """Remove `address`, in any case of its letters, from the channel's mail; returns whether it was there."""
    channel = Channel.objects.select_for_update(of=["self"]).select_related("org").filter(pk=channel_id).first()
    if channel is None:
        return False
    to = addresses(channel.config_json)
    kept = [each for each in to if each.casefold() != address.casefold()]
    if len(kept) == len(to):
        return False
    confirmed = [each for each in confirmed_addresses(channel.config_json) if each in kept]
    channel.config_json = {**channel.config_json, "to": kept, "confirmed": confirmed}
    channel.save(update_fields=["config_json"])
    meta = {"name": channel.name, "address": address}
    record(actor=None, org=channel.org, action="channel.address_left", resource=channel, meta=meta)
    return True


@transaction.atomic
def send_test(*, actor: User, channel: Channel) -> Job:
    """Put a test message into the outbox: it goes the way of every other."""
    payload = {
        "title": "Messages from PulseOps arrive here",
        "text": f"{actor.display_name} sent this test for {channel.org.name}. "
        "This channel is notified when incidents of the organisation open, are acknowledged and are resolved.",
        "path": f"/incidents?org={channel.org_id}",
    }
    job = enqueue_to(channel, event=TEST_EVENT, payload=payload)
    meta = {"name": channel.name, "job_id": str(job.pk)}
    record(actor=actor, org=channel.org, action="channel.tested", resource=channel, meta=meta)
    return job


@transaction.atomic
def retry_job(*, actor: User | None, job: Job) -> bool:
    """Let a failed job start anew, now; returns whether it did (not when it has not failed or has no channel)."""
    job = Job.objects.select_for_update().select_related("org").get(pk=job.pk)
    channel = Channel.objects.filter(pk=job.channel_id, enabled=True).first() if job.channel_id else None
    if job.status != Job.Status.FAILED or channel is None:
        return False
    job.status, job.attempts, job.next_attempt_at = Job.Status.PENDING, 0, timezone.now()
    # Under its own name: it may have failed as part of a digest of which the rest is history.
    job.batch, job.lease = job.batch or job.pk, None
    job.save()
    record(actor=actor, org=job.org, action="notification.retried", resource=job, meta={"event": job.type})
    wake_delivery(job.org_id, f"job:{job.subject_id or ''}")
    return True


@transaction.atomic
def replay_message(*, actor: User | None, channel: Channel, message_id: UUID) -> int:
    """Send a message once more, under a name of its own; returns how many events it tells of, 0 if none is kept."""
    jobs = list(Job.objects.for_org(channel.org).filter(channel=channel, batch=message_id).order_by("created_at", "pk"))
    if not jobs or not channel.enabled:
        return 0
    for job in jobs:
        given = job.payload_json if isinstance(job.payload_json, dict) else {}
        payload = {name: value for name, value in given.items() if name != "recipients"}
        enqueue_to(channel, event=job.type, payload=payload, subject_id=job.subject_id)
    meta = {"name": channel.name, "message": str(message_id), "events": len(jobs)}
    record(actor=actor, org=channel.org, action="notification.replayed", resource=channel, meta=meta)
    return len(jobs)


@transaction.atomic
def drop_job(*, actor: User | None, org: Org, job_id: UUID) -> bool:
    """Delete a job that has not been sent and is not being sent; returns whether it did."""
    job = Job.objects.for_org(org).select_for_update().filter(pk=job_id).first()
    if job is None or job.status not in {Job.Status.PENDING, Job.Status.FAILED}:
        return False
    meta = {"event": job.type, "status": job.status, "attempts": job.attempts, "last_error": job.last_error}
    record(actor=actor, org=org, action="notification.dropped", resource=job, meta=meta)
    job.delete()
    return True
