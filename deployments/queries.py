"""What pages, rules and incidents read of deployments; everything starts from one organisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, DateTimeField, OuterRef, Q, QuerySet, Subquery, UUIDField
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils import timezone

from accounts.models import Org
from deployments.models import CALLED_OFF, Deployment
from pulseops.core.db.compiled_rows import CompiledRows, Parameter
from pulseops.core.db.statement_timeout import fetch_within
from pulseops.core.web.keyset import Page, newest_first
from services.models import Environment, Service
from services.queries import environments_of, services_of

LANE_LENGTH = 12
PAGE_LENGTH = 50
DEPLOYED_AT = Coalesce("finished_at", "created_at")  # as Deployment.deployed_at
_LONGEST = timedelta(days=1)  # between a deployment's beginning and its end, for finding it by its end
_IN_PROGRESS = timedelta(hours=2)  # a deployment whose end is never reported is in progress for so long
_FORGOTTEN_AFTER = timedelta(days=90)  # what failed longer ago is no news

# Failed deployments with no success after them, by when we learned of each. What was called off did not fail.
_FAILED = """
SELECT f.environment_id, count(*), max(f.status_changed_at)
FROM deployments f
WHERE f.org_id = %(org)s AND f.status = 'failure' AND f.outcome <> ALL (%(called_off)s)
    AND f.status_changed_at > %(since)s AND f.status_changed_at <= %(now)s
    AND NOT EXISTS (
        SELECT 1 FROM deployments s
        WHERE s.org_id = f.org_id AND s.environment_id = f.environment_id AND s.status = 'success'
            AND (s.status_changed_at, s.id) > (f.status_changed_at, f.id) AND s.status_changed_at <= %(now)s)
GROUP BY 1
"""


# -- For other apps --------------------------------------------------------------------------------------------------


def deployments_between(
    org: Org, since: datetime, until: datetime, *, services: Sequence[UUID] = (), environments: Sequence[UUID] = ()
) -> QuerySet[Deployment]:
    """Return what was live in [since, until] (UTC), oldest first, by its end or else its beginning.

    Empty sequences mean all. What was called off is left out: nothing went anywhere.
    """
    deployments = (
        Deployment.objects.for_org(org)
        .filter(created_at__gte=since - _LONGEST, created_at__lte=until)
        .filter(GreaterThanOrEqual(DEPLOYED_AT, since), LessThanOrEqual(DEPLOYED_AT, until))
        .exclude(outcome__in=CALLED_OFF)
        .select_related("service", "environment")
        .order_by(DEPLOYED_AT, "id")
    )
    if services:
        deployments = deployments.filter(service_id__in=services)
    if environments:
        deployments = deployments.filter(environment_id__in=environments)
    return deployments


@dataclass(frozen=True, slots=True)
class Failures:
    """How many deployments in a row have failed, and when we learned of the last."""

    count: int
    last_at: datetime


def failures_in_a_row(org_id: UUID, now: datetime, *, seconds: float) -> dict[UUID, Failures]:
    """Return, by environment, the organisation's deployments that failed since the last success.

    Raises BoundedQueryError, such as when it takes longer than `seconds`.
    """
    values: dict[str, Any] = {"org": org_id, "since": now - _FORGOTTEN_AFTER, "now": now}
    rows = fetch_within(seconds, _FAILED, {**values, "called_off": list(CALLED_OFF)})
    return {environment: Failures(count, last) for environment, count, last in rows}


def ended_between(org_id: UUID, since: datetime, until: datetime) -> Iterator[tuple[UUID, datetime, bool]]:
    """Yield (environment, when we learned of it, whether it failed) of what ended in [since, until], in that order.

    What was called off is left out.
    """
    rows = (
        Deployment.objects.filter(org_id=org_id, status_changed_at__gte=since, status_changed_at__lte=until)
        .exclude(status=Deployment.Status.PENDING)
        .exclude(outcome__in=CALLED_OFF)
        .order_by("status_changed_at", "pk")
        .values_list("environment_id", "status_changed_at", "status")
    )
    for environment_id, at, status in rows:
        yield environment_id, at, status == Deployment.Status.FAILURE


@dataclass(frozen=True, slots=True)
class DeploymentSpan:
    """The time that a deployment took; `until` is when it ended, or when it is no longer believed to be in progress."""

    environment_id: UUID
    since: datetime
    until: datetime

    def delays(self, at: datetime, window: timedelta) -> bool:
        """Return whether it was in progress at a moment, or had ended within `window` before it."""
        return self.since <= at < self.until + window


def deployment_spans(org_id: UUID, since: datetime, until: datetime) -> list[DeploymentSpan]:
    """Return what was in progress at some time of [since, until]; what was called off is left out."""
    rows = Deployment.objects.filter(org_id=org_id, created_at__lte=until, created_at__gt=since - _LONGEST)
    rows = rows.filter(Q(status=Deployment.Status.PENDING) | Q(status_changed_at__gt=since))
    results = rows.exclude(outcome__in=CALLED_OFF).values_list(
        "environment_id", "created_at", "status", "status_changed_at"
    )
    return [
        DeploymentSpan(place, begun, begun + _IN_PROGRESS if status == Deployment.Status.PENDING else ended)
        for place, begun, status, ended in results
    ]


def last_ended(
    environment: Environment, until: datetime, *, status: str = "", within: timedelta | None = None
) -> Deployment | None:
    """Return the deployment whose state last changed up to `until`: one of that `status`, one in the time `within`."""
    since = until - within if within else datetime.min.replace(tzinfo=UTC)
    values = {"environment": environment.pk, "since": since, "until": until}
    rows = _ENDED_SO.fetch(**values, status=status) if status else _ENDED.fetch(**values)
    return rows[0] if rows else None


def _ended() -> QuerySet[Deployment]:
    since, until = Parameter("since", DateTimeField()), Parameter("until", DateTimeField())
    rows = Deployment.objects.filter(environment_id=Parameter("environment", UUIDField()))
    rows = rows.filter(status_changed_at__gt=since, status_changed_at__lte=until)
    return rows.order_by("-status_changed_at", "-id")


_ENDED = CompiledRows(lambda: _ended()[:1])
_ENDED_SO = CompiledRows(lambda: _ended().filter(status=Parameter("status", CharField()))[:1])


def newest_deployments(org: Org, *, limit: int) -> list[Deployment]:
    """Return the organisation's `limit` newest deployments, then the newest of each other service, newest first.

    One query, whose subqueries each walk an index from its newest end.
    """
    newest = Deployment.objects.for_org(org).order_by("-created_at", "-id")
    of_service = newest.filter(service=OuterRef("pk")).values("pk")[:1]
    wanted = Q(pk__in=newest.values("pk")[:limit]) | Q(
        pk__in=services_of(org).order_by().annotate(newest=Subquery(of_service)).values("newest")
    )
    return list(newest.filter(wanted).select_related("service", "environment"))


def deployments_of_commit(org: Org, sha: str, *, limit: int) -> list[Deployment]:
    """Return the newest deployments of the commit whose SHA begins with `sha`, hexadecimal in any case."""
    rows = Deployment.objects.for_org(org).filter(commit_sha__istartswith=sha)
    return list(rows.select_related("service", "environment").order_by("-created_at", "-pk")[:limit])


def next_deployment(deployment: Deployment) -> Deployment | None:
    """Return what next went to the same environment after `deployment` was live."""
    later = deployments_between(
        deployment.org, deployment.deployed_at, timezone.now(), environments=[deployment.environment_id]
    )
    return later.exclude(pk=deployment.pk).filter(status=Deployment.Status.SUCCESS).first()


def previous_deployment(deployment: Deployment) -> Deployment | None:
    """Return what last succeeded in the same environment before `deployment` began."""
    return (
        Deployment.objects.for_org(deployment.org)
        .filter(
            environment_id=deployment.environment_id,
            status=Deployment.Status.SUCCESS,
            created_at__lt=deployment.created_at,
        )
        .order_by("-created_at", "-id")
        .first()
    )


# -- The pages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; empty means all. The environment is a name, for services have each their own."""

    service: Service | None = None
    environment: str = ""
    status: str = ""

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def count(self) -> int:
        """How many are chosen."""
        return sum(map(bool, (self.service, self.environment, self.status)))

    @property
    def rows(self) -> Q:
        """The filter without the environment."""
        wanted = Q()
        if self.service:
            wanted &= Q(service=self.service)
        if self.status:
            wanted &= Q(status=self.status)
        return wanted


@dataclass(frozen=True, slots=True)
class Lane:
    """The newest deployments to all environments of one name."""

    environment: str
    deployments: list[Deployment]
    has_more: bool


def lanes(org: Org, filters: Filters) -> list[Lane]:
    """Return a lane for each environment name that the filters leave, in the order of `_lane_order`.

    Three queries, whatever there is: each environment's newest by the index, of those each name's newest, and the rows.
    """
    by_name = _newest_by_name(org, filters)
    wanted = [identifier for result in by_name.values() for identifier in result[:LANE_LENGTH]]
    rows = Deployment.objects.for_org(org).with_rollbacks().select_related("service", "environment").in_bulk(wanted)
    return [
        Lane(name, [rows[each] for each in result[:LANE_LENGTH] if each in rows], len(result) > LANE_LENGTH)
        for name, result in sorted(by_name.items(), key=lambda item: _lane_order(*item))
    ]


def _newest_by_name(org: Org, filters: Filters) -> dict[str, list[int]]:
    """Give each environment name the ids of its newest deployments, at least one more than a lane shows if there is."""
    environments = environments_of(org)
    if filters.service:
        environments = environments.filter(service=filters.service)
    if filters.environment:
        environments = environments.filter(name=filters.environment)
    newest = Deployment.objects.filter(filters.rows, environment=OuterRef("pk")).order_by("-created_at", "-id")
    result = environments.annotate(newest=ArraySubquery(newest.values("id")[: LANE_LENGTH + 1]))
    name_of = {each: row.name for row in result for each in row.newest}
    by_name: dict[str, list[int]] = {row.name: [] for row in result}
    for each in Deployment.objects.filter(pk__in=name_of).order_by("-created_at", "-id").values_list("id", flat=True):
        by_name[name_of[each]].append(each)
    return by_name


def _lane_order(name: str, newest: Sequence[int]) -> tuple[int, int, str]:
    """Production stands first, then staging, then what was deployed to last; the ids of `newest` rise with time."""
    rank = next((rank for rank, start in enumerate(("prod", "stag")) if name.lower().startswith(start)), 2)
    return rank, -max(newest, default=0), name


def lane_page(org: Org, filters: Filters, before: str) -> Page[Deployment]:
    """Return PAGE_LENGTH deployments to one environment name, those older than the cursor `before`, newest first."""
    rows = Deployment.objects.for_org(org).filter(filters.rows, environment__name=filters.environment)
    rows = rows.with_rollbacks().select_related("service", "environment")
    return newest_first(rows, before, length=PAGE_LENGTH)


def attempts_of(deployment: Deployment) -> QuerySet[Deployment]:
    """Return the other attempts of the same run, first to last."""
    if deployment.run_id is None:
        return Deployment.objects.none()
    same = Deployment.objects.for_org(deployment.org).filter(
        environment_id=deployment.environment_id, run_id=deployment.run_id
    )
    return same.exclude(pk=deployment.pk).order_by("run_attempt")
