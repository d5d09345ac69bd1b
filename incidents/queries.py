"""What pages read of incidents; everything starts from one organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import and_

from django.db.models import (
    Avg,
    BigIntegerField,
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Extract, Floor, Length
from django.utils import timezone

from accounts.models import Org
from deployments.timeline import deployment_marks
from incidents.evidence import Charted, Evidence
from incidents.filters import Filters
from incidents.models import Incident, IncidentEvent, Severity
from incidents.notices import subject_of
from logs.reading import LogScope, Matching, Query, count_bars
from logs.search.errors import QuerySyntaxError
from notifications.queries import channels_reached
from pulseops.core.db.compiled_rows import CompiledRows, Parameter
from pulseops.core.db.statement_timeout import BoundedQueryError
from pulseops.core.ui.chart_marks import Band, Marker, markers_of
from pulseops.core.ui.charts import Bucket, Chart, stacked_histogram
from pulseops.core.web.keyset import Page, newest_first
from pulseops.core.web.numbers import whole_number
from services.models import Environment
from services.scopes import Scopes, scopes_of

MOST_LIVE = 200  # live incidents that pages look at, worst first
_RANK = {Severity.HIGH: 0, Severity.MEDIUM: 1, Severity.LOW: 2}
# What is live by severity, then what is resolved.
WORST_FIRST = Case(
    When(status=Incident.Status.RESOLVED, then=Value(len(_RANK))),
    *[When(severity=severity, then=Value(number)) for severity, number in _RANK.items()],
)
_SECONDS = 1.0  # that drawing may take


def page_of_incidents(org: Org, filters: Filters, before: str) -> Page[Incident]:
    """Return a page of the list, newest first."""
    rows = Incident.objects.for_org(org).filter(filters.besides_state, filters.of_state)
    return newest_first(rows.select_related("service", "environment", "assignee"), before)


def opened_by_rule(org: Org, since: datetime, step: timedelta) -> dict[int, dict[int, int]]:
    """Count the incidents that each rule opened from `since` (UTC) on: rule → number of the step → count; one query."""
    number = Floor(Extract(F("created_at") - Value(since), "epoch") / Value(step.total_seconds()))
    rows = Incident.objects.for_org(org).filter(created_at__gte=since, rule_id__isnull=False)
    counts: dict[int, dict[int, int]] = {}
    for rule_id, at, count in rows.values_list("rule_id", number).annotate(count=Count("pk")).order_by():
        counts.setdefault(rule_id, {})[int(at)] = count
    return counts


def counts_by_state(org: Org, filters: Filters) -> Mapping[str, int]:
    """Return how many incidents there are in each state that pass the other filters."""
    rows = Incident.objects.for_org(org).filter(filters.besides_state)
    status = Incident.Status
    result: Mapping[str, int] = rows.aggregate(
        live=Count("pk", filter=~Q(status=status.RESOLVED)),
        open=Count("pk", filter=Q(status=status.OPEN)),
        investigating=Count("pk", filter=Q(status=status.INVESTIGATING)),
        resolved=Count("pk", filter=Q(status=status.RESOLVED)),
    )
    return result


def live_incidents(org: Org) -> list[Incident]:
    """Return what is not resolved, worst first and of equal ones the oldest first, MOST_LIVE at most; one query."""
    return _LIVE.fetch(org=org.pk)


def _live() -> QuerySet[Incident]:
    rows = Incident.objects.filter(org_id=Parameter("org", UUIDField())).live()
    rows = rows.select_related("service", "environment", "assignee").defer("evidence_json", "description")
    return rows.order_by(WORST_FIRST, "created_at", "id")[:MOST_LIVE]


_LIVE = CompiledRows(_live)


def live_incidents_of_rule(rule_id: int) -> QuerySet[Incident]:
    """Return what a rule has opened that is not resolved."""
    return Incident.objects.filter(rule_id=rule_id).live()


def live_incidents_at(rule_id: int, environment: Environment, *, fingerprint: str) -> list[Incident]:
    """Return what a rule has opened that is not resolved: under `fingerprint`, or in the environment; newest first."""
    return _LIVE_AT.fetch(rule=rule_id, environment=environment.pk, fingerprint=fingerprint)


def _live_at() -> QuerySet[Incident]:
    here = Q(environment_id=Parameter("environment", UUIDField()))
    same = Q(fingerprint=Parameter("fingerprint", TextField()))
    rows = Incident.objects.filter(here | same, rule_id=Parameter("rule", BigIntegerField())).live()
    return rows.order_by("-created_at")


_LIVE_AT = CompiledRows(_live_at)


def incidents_named(org: Org, words: Sequence[str], *, limit: int) -> list[Incident]:
    """Return incidents by the words of their title or by their number, live ones first, then the newest."""
    named = reduce(and_, (Q(title__icontains=word) for word in words))
    number = whole_number(words[0].removeprefix("#"))
    if len(words) == 1 and number is not None:
        named |= Q(pk=number)
    is_resolved = Case(When(status=Incident.Status.RESOLVED, then=1), default=0)
    rows = Incident.objects.for_org(org).filter(named).select_related("service").defer("evidence_json", "description")
    return list(rows.order_by(is_resolved, "-created_at", "-pk")[:limit])


def incident_of_reply(org: Org, incident_id: int) -> Incident | None:
    """Return the incident that a message of a channel of `org` was about, None if it was deleted."""
    rows = Incident.objects.for_org(org).select_related("org", "service", "environment", "assignee")
    return rows.filter(pk=incident_id).first()


def last_acknowledgement(incident: Incident) -> IncidentEvent | None:
    """Return the entry of the timeline that says who acknowledged it last, None if it is not acknowledged."""
    if incident.status != Incident.Status.INVESTIGATING:
        return None
    return incident.events.filter(type="investigating").select_related("actor_user").order_by("-pk").first()


def last_move_at(incident: Incident) -> datetime | None:
    """Return when the incident's state changed last."""
    moves = incident.events.filter(type__in=["created", "investigating", "resolved", "reopened"])
    return moves.order_by("-pk").values_list("created_at", flat=True).first()


def is_heard(incident: Incident) -> bool:
    """Return whether some channel is notified of it."""
    return bool(channels_reached(incident.org, subject_of(incident)))


def mean_time_to(column: str, since: datetime | Parameter, until: datetime | Parameter) -> Subquery:
    """Annotates organisations: the mean time from opening to `column` of what opened in [since, until) and has it."""
    opened = Incident.objects.filter(
        org=OuterRef("pk"), created_at__gte=since, created_at__lt=until, **{f"{column}__isnull": False}
    )
    length = ExpressionWrapper(F(column) - F("created_at"), output_field=DurationField())
    return Subquery(opened.order_by().values("org").annotate(mean=Avg(length)).values("mean"))


def timeline(incident: Incident, *, limit: int) -> list[IncidentEvent]:
    """Return the last `limit` entries, latest first by the time at which they happened."""
    rows = incident.events.select_related("actor_user").order_by("-pk")[:limit]
    return sorted(rows, key=lambda event: (event.at, event.pk), reverse=True)


def entries_within(incident: Incident, *, limit: int, characters: int) -> tuple[list[IncidentEvent], int]:
    """Return the last entries that have so many characters together, and how many earlier ones are left out."""
    lengths = incident.events.order_by("-pk").values_list("pk", Length("message"))[: limit + 1]
    first, used, taken = 0, 0, 0
    for pk, length in lengths:
        used += length
        if taken and (used > characters or taken == limit):
            break
        first, taken = pk, taken + 1
    rows = list(incident.events.select_related("actor_user").filter(pk__gte=first).order_by("pk"))
    return rows, incident.events.filter(pk__lt=first).count()


def evidence_chart(incident: Incident, evidence: Evidence | None) -> Chart | None:
    """Draw the logs around the incident's start with threshold and deployments; None when there are none any more.

    A bar is a part of the rule's window; the curve is what came in the whole window, which the threshold is for.
    """
    charted = Charted.of(evidence)
    width = charted.width
    start = incident.created_at - charted.span
    end = min(incident.created_at + charted.span, timezone.now())
    query = evidence.filter if evidence else ""
    counts = _counts(incident, start - width * charted.parts, end, width, charted.level, query)
    if not counts:
        return None
    bars = int((end - start) / width) + 1
    starts = [start + number * width for number in range(-charted.parts, bars)]
    numbers = [counts.get(each, 0) for each in starts]
    shown = list(zip(starts, numbers, strict=True))[charted.parts :]
    tone = charted.level or "info"
    threshold = evidence.threshold or None if evidence and evidence.window_minutes else None
    return stacked_histogram(
        [Bucket(each, each + width, {tone: count}) for each, count in shown],
        height=140,
        threshold=threshold,
        curve=_in_window(shown, numbers, charted.parts) if threshold else (),
        bands=[Band(incident.created_at, incident.resolved_at, "This incident")],
        markers=_markers(incident, start, end),
    )


def _in_window(shown: Sequence[tuple[datetime, int]], numbers: Sequence[int], parts: int) -> list[tuple[datetime, int]]:
    """Return how many came in `parts` bars up to and with each; `numbers` begin that many bars before the shown."""
    return [(at, sum(numbers[index + 1 : index + 1 + parts])) for index, (at, _) in enumerate(shown)]


def _counts(
    incident: Incident, start: datetime, end: datetime, width: timedelta, level: str, query: str
) -> dict[datetime, int]:
    scope = LogScope(incident.org_id, incident.service_id, incident.environment_id)
    asked = Query(incident.org_id, scopes_of(incident.org) if query else Scopes(()), start, Matching(level, query))
    try:
        return count_bars(scope, asked, end, width=width, origin=start, seconds=_SECONDS)
    except (BoundedQueryError, QuerySyntaxError):
        return {}


def _markers(incident: Incident, start: datetime, end: datetime) -> list[Marker]:
    marks = deployment_marks(incident.org, [incident.service_id], [incident.environment_id], start, end)
    return markers_of(marks)
