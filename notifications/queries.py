"""What pages read of channels and messages; everything starts from one organisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Count, Exists, Min, OuterRef, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Coalesce, Concat, Left, Now, NullIf, Substr, Upper
from django.utils import timezone

from accounts.models import Org
from notifications.channels.posting import DEMO_HOST
from notifications.models import Channel, DeliveryAttempt, Job, ReceivedEvent
from notifications.routing import Subject
from pulseops.core.web.keyset import Page, newest_first

STATES = ("", "waiting", "failed", "sent")
_RECEIVED = 15  # events of a service that a page lists
_NOTHING = Value("", TextField())
_OF_STATE = {
    "": Q(),
    "waiting": Q(status__in=[Job.Status.PENDING, Job.Status.PROCESSING]),
    "failed": Q(status=Job.Status.FAILED),
    "sent": Q(status=Job.Status.SENT),
}


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """Messages of one state ("" is any), newest first, and how many there are of the two that want attention."""

    state: str
    page: Page[Job]
    waiting: int
    failed: int

    @property
    def is_moving(self) -> bool:
        """Whether something on the page will change by itself."""
        return any(job.status in {Job.Status.PENDING, Job.Status.PROCESSING} for job in self.page.rows)


def channels(org: Org) -> QuerySet[Channel]:
    """Return the organisation's channels with how many messages wait for each and how many failed."""
    counted = Channel.objects.for_org(org).annotate(
        waiting=Count("jobs", filter=Q(jobs__status__in=[Job.Status.PENDING, Job.Status.PROCESSING])),
    )
    return counted.order_by("created_at", "pk")


def outbox(org: Org, state: str, before: str) -> OutboxPage:
    """Return a page of the outbox; an unknown `state` is any."""
    state = state if state in STATES else ""
    rows = Job.objects.for_org(org)
    counts = rows.aggregate(
        waiting=Count("pk", filter=_OF_STATE["waiting"]), failed=Count("pk", filter=_OF_STATE["failed"])
    )
    shown = rows.filter(_OF_STATE[state]).select_related("channel")
    return OutboxPage(state, newest_first(shown, before, length=25), counts["waiting"], counts["failed"])


def channels_reached(org: Org, subject: Subject) -> list[str]:
    """Return the names of the channels that are notified of `subject`; one query."""
    return channels_for(org, [subject])[0]


def channels_for(org: Org, subjects: Sequence[Subject]) -> list[list[str]]:
    """Return, for each of `subjects`, the names of the channels that are notified of it; one query."""
    rows = Channel.objects.for_org(org).filter(enabled=True).order_by("created_at", "pk")
    channels = [(str(each), each.routing) for each in rows]
    return [[name for name, routing in channels if routing.wants(subject)] for subject in subjects]


def deliveries_of(channel: Channel, before: str) -> Page[DeliveryAttempt]:
    """Return a page of a channel's log, newest first."""
    return newest_first(
        DeliveryAttempt.objects.for_org(channel.org).filter(channel=channel), before, length=15, column="at"
    )


def received_by(channel: Channel) -> list[ReceivedEvent]:
    """Return the last that the channel's service told us, newest first."""
    return list(ReceivedEvent.objects.for_org(channel.org).filter(channel=channel).order_by("-pk")[:_RECEIVED])


def channel_names(org: Org) -> dict[str, str]:
    """Return id → name of the organisation's channels, the oldest first; one query."""
    return {str(each.pk): str(each) for each in Channel.objects.for_org(org).order_by("created_at", "pk")}


def routings() -> ArraySubquery:
    """Return, as a part of a query of organisations, what each channel that is on wants."""
    return ArraySubquery(Channel.objects.filter(org=OuterRef("pk"), enabled=True).values("routing_json"))


def has_channels() -> Exists:
    """Annotates organisations: whether there is any channel."""
    return Exists(Channel.objects.filter(org=OuterRef("pk")))


def has_used_channels() -> Exists:
    """Annotates organisations: whether any channel was ever sent anything (a test, say)."""
    return Exists(Channel.objects.filter(org=OuterRef("pk"), last_sent_at__isnull=False))


def outstanding_messages(org: Org) -> tuple[int, int]:
    """Return how many messages are to be sent: the organisation's, and all; one query."""
    counts = Job.objects.outstanding().aggregate(own=Count("pk", filter=Q(org=org)), all=Count("pk"))
    return counts["own"], counts["all"]


def outbox_age() -> tuple[int, float]:
    """Return how many messages are to be sent, of all, and for how many seconds the oldest has been due."""
    due = Job.objects.outstanding().aggregate(
        count=Count("pk"), oldest=Min("created_at", filter=Q(next_attempt_at__lte=Now(), held_until__isnull=True))
    )
    oldest = due["oldest"]
    return due["count"], max((timezone.now() - oldest).total_seconds(), 0.0) if oldest else 0.0


def failed_messages(org: Org, since: datetime) -> QuerySet[Job, tuple[Any, ...]]:
    """Return (time, type, channel, error) of what was given up since `since` (UTC), newest first; unionable."""
    rows = Job.objects.for_org(org).filter(status=Job.Status.FAILED, created_at__gte=since).order_by("-created_at")
    type_name = Concat(Upper(Left("channel__type", 1)), Substr("channel__type", 2), output_field=TextField())
    channel = Case(When(channel__name="", then=type_name), default="channel__name", output_field=TextField())
    return rows.values_list("created_at", "type", Coalesce(channel, _NOTHING), Coalesce("last_error", _NOTHING))


def unreachable_channels(failures: int) -> ArraySubquery:
    """Return, as a part of a query of organisations, the names of the channels that failed `failures` times in a row,
    or that gave up a message since they last worked.

    Each failing channel costs one look into notification_jobs_org_idx.
    """
    given_up = Job.objects.filter(
        org=OuterRef("org"),
        channel_id=OuterRef("pk"),
        status=Job.Status.FAILED,
        created_at__gte=Coalesce(OuterRef("last_sent_at"), OuterRef("created_at")),
    )
    rows = Channel.objects.filter(org=OuterRef("pk"), enabled=True, failures__gt=0)
    rows = rows.filter(Q(failures__gte=failures) | Exists(given_up)).order_by("created_at")
    return ArraySubquery(rows.values_list(Coalesce(NullIf("name", Value("")), "type", output_field=TextField())))


def hosts_in_use(most: int) -> list[str]:
    """Return the hosts that channels post to, of most channels first, without the demo's."""
    rows = Channel.objects.filter(enabled=True).exclude(type="email").exclude(receiver__in=["", DEMO_HOST])
    counted = rows.values("receiver").annotate(channels=Count("pk")).order_by("-channels", "receiver")
    return list(counted.values_list("receiver", flat=True)[:most])


def messages_about(org: Org, subject_id: int) -> QuerySet[Job]:
    """Return the messages about one incident, newest first, at most a hundred."""
    rows = Job.objects.for_org(org).filter(subject_id=subject_id).select_related("channel")
    return rows.order_by("-created_at", "channel__name", "pk")[:100]
