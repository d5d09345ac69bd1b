"""Links in messages by which their reader answers: signed for one incident and one channel, and they expire.

A link opens a page with one button, so that programs that look at links change nothing. The app that wrote the message
says in its payload where that page is (`reply_path`); the outbox holds no link, each is signed as it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing

from notifications.channels.secrets import secret_in
from notifications.messages import Link, Notice
from notifications.models import Channel, Job
from pulseops.core.config.encryption import UnreadableSecretError

_PURPOSE = "notifications.reply"  # what a signature is for


class ReplyExpiredError(Exception):
    """The link was ours and is too old."""


class ReplyForgedError(Exception):
    """The link is none of ours, or its channel is off or deleted."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a link was signed for."""

    channel: Channel
    subject_id: int


def notice_of(job: Job) -> Notice:
    """Return what a job says, with a link to answer if its payload has a page for it."""
    notice = Notice.from_payload(job.type, job.payload_json)
    path = job.payload_json.get("reply_path") if isinstance(job.payload_json, dict) else None
    if not path or job.channel_id is None or job.subject_id is None:
        return notice
    token = sign_reply(job.channel_id, job.subject_id)
    return replace(notice, links=(*notice.links, Link("Acknowledge", f"{path}{token}")), reply=token)


def sign_reply(channel_id: Any, subject_id: int) -> str:
    """Sign that the reader of a message of the channel may answer."""
    return signing.dumps([str(channel_id), subject_id], salt=_PURPOSE)


def interactive_channel(channel_id: Any) -> tuple[Channel, str] | None:
    """Return a channel that is on with the secret by which its service signs what it sends us; None if it has none."""
    channel = Channel.objects.select_related("org").filter(pk=channel_id, enabled=True).first()
    try:
        secret = secret_in(channel.config_json, "signing_secret") if channel else ""
    except UnreadableSecretError:
        return None
    return (channel, secret) if channel and secret and not channel.org.suspended_at else None


def read_reply(token: str) -> Reply:
    """Return what `token` was signed for, whose channel is on. Raises ReplyExpiredError or ReplyForgedError."""
    valid = timedelta(hours=settings.NOTIFICATION_LINK_HOURS)
    try:
        channel_id, subject_id = signing.loads(token, salt=_PURPOSE, max_age=valid)
    except signing.SignatureExpired as error:
        raise ReplyExpiredError from error
    except (signing.BadSignature, ValueError) as error:
        raise ReplyForgedError from error
    channel = Channel.objects.select_related("org").filter(pk=channel_id, enabled=True).first()
    if channel is None or channel.org.suspended_at:
        raise ReplyForgedError
    return Reply(channel, subject_id)
