"""What pages read of services, environments and keys; everything starts from one organisation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Count,
    F,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    UUIDField,
    prefetch_related_objects,
)
from django.db.models.functions import JSONObject
from django.utils import timezone

from accounts.models import Org
from pulseops.core.db.compiled_rows import AnyOf, CompiledRows, Parameter
from pulseops.core.ui.charts import Bucket
from services.models import ApiKey, Environment, RateBucket, Service

USE_SHOWN = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Hearing:
    """How much is heard of a service or environment: its keys that work, and when one last brought a log (UTC)."""

    live_keys: int
    last_log_at: datetime | None

    def heard_at(self, moment: datetime | None) -> Hearing:
        """Return the same where a log is known of `moment`: a key notes its use only now and then."""
        return Hearing(self.live_keys, max((at for at in (self.last_log_at, moment) if at), default=None))

    @classmethod
    def of_all(cls, parts: Iterable[Hearing]) -> Hearing:
        """Put together what is heard of the parts of something."""
        parts = list(parts)
        times = [part.last_log_at for part in parts if part.last_log_at]
        return cls(live_keys=sum(part.live_keys for part in parts), last_log_at=max(times, default=None))


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """A service as a row of the list."""

    service: Service
    environments: list[str]
    hearing: Hearing


@dataclass(frozen=True, slots=True)
class EnvironmentSummary:
    """An environment as a row of its service's page."""

    environment: Environment
    hearing: Hearing


@dataclass(frozen=True, slots=True)
class KeySummary:
    """A key as a row of its service's page, with what it brought in each minute of the last hour."""

    key: ApiKey
    use: list[Bucket]
    rate_per_minute: int
    peak_bytes: int = 0  # of the minute of the last hour in which most were read

    @property
    def state(self) -> str:
        """One of "revoked", "expired", "expiring" (will be one of them), "waiting" (never used), "active"."""
        if not self.key.is_live():
            return "revoked" if self.key.is_revoked() else "expired"
        if self.ends_at:
            return "expiring"
        return "active" if self.key.last_used_at else "waiting"

    @property
    def label(self) -> str:
        """The state in words."""
        return {"waiting": "Not used yet", "expiring": "Ends"}.get(self.state, self.state.capitalize())

    @property
    def is_over(self) -> bool:
        """Whether the key does not authenticate any more."""
        return self.state in {"revoked", "expired"}

    @property
    def ends_at(self) -> datetime | None:
        """When the key ends or has ended (UTC), None if it goes on until someone revokes it."""
        return min((each for each in (self.key.revoked_at, self.key.expires_at) if each), default=None)

    @property
    def bounds(self) -> str:
        """What the key is bound to, in words: "logs only, from 192.0.2.0/24 and 2 more"; empty if it may all."""
        parts = [f"{' and '.join(self.key.scopes)} only"] if len(self.key.scopes) < len(ApiKey.Scope) else []
        if self.key.networks:
            first, *others = self.key.networks
            parts.append(f"from {first}" + (f" and {len(others)} more" if others else ""))
        if self.key.origins:
            first, *others = self.key.origins
            parts.append(f"browsers on {first}" + (f" and {len(others)} more" if others else ""))
        return ", ".join(parts)

    @property
    def sent(self) -> int:
        """Logs of the last hour."""
        return sum(bucket.total for bucket in self.use)

    @property
    def peak(self) -> int:
        """Logs of its busiest minute."""
        return max((bucket.total for bucket in self.use), default=0)

    @property
    def load_percent(self) -> int:
        """How much of what it may send in a minute the key has sent in the busiest of the last hour."""
        return int(100 * max(self.peak / self.rate_per_minute, self.peak_bytes / self.bytes_per_minute))

    @property
    def bytes_per_minute(self) -> int:
        """How many bytes the key may send a minute."""
        return int(settings.INGEST_BROWSER_BYTES_PER_MINUTE if self.key.origins else settings.INGEST_BYTES_PER_MINUTE)


def default_rate(key: ApiKey) -> int:
    """Return how many logs a minute a key may send that has no figure of its own."""
    rate: int = settings.INGEST_BROWSER_RATE_PER_MINUTE if key.origins else settings.INGEST_RATE_PER_MINUTE
    return rate


def services_of(org: Org) -> QuerySet[Service]:
    """Return the organisation's services by name."""
    return Service.objects.for_org(org).order_by("name")


def services_named(org: Org, words: Sequence[str], *, limit: int) -> list[Service]:
    """Return the services whose names have all of `words`."""
    return list(services_of(org).filter(reduce(and_, (Q(name__icontains=word) for word in words)))[:limit])


def environments_of(org: Org) -> QuerySet[Environment]:
    """Return the organisation's environments with their services, by the names of both."""
    return Environment.objects.for_org(org).select_related("service__org").order_by("service__name", "name")


def environment_names(org: Org) -> list[str]:
    """Return the names of the organisation's environments, each once."""
    return list(Environment.objects.for_org(org).order_by("name").values_list("name", flat=True).distinct())


def environments_with_service(service_id: UUID) -> list[Environment]:
    """Return the environments of one service, that service loaded."""
    return list(Environment.objects.filter(service_id=service_id).select_related("service"))


def environments_by_id(ids: Collection[UUID]) -> dict[UUID, Environment]:
    """Return the environments of these ids that there are, with their services and organisations."""
    return {row.pk: row for row in _BY_ID.fetch(ids=list(ids))}


_BY_ID = CompiledRows(
    lambda: Environment.objects.select_related("service__org").filter(AnyOf(F("id"), Parameter("ids", UUIDField())))
)


def all_services() -> list[Service]:
    """Return every service of the installation, for jobs that go through all."""
    return list(Service.objects.all())


def all_environments() -> list[tuple[UUID, UUID, UUID]]:
    """Return every environment of the installation as (organisation, service, environment), for jobs."""
    return list(Environment.objects.values_list("service__org_id", "service_id", "pk"))


def least_retention(org: Org) -> int | None:
    """Return how many days that service of the organisation keeps its logs which keeps them shortest."""
    return services_of(org).aggregate(days=Min("retention_days"))["days"]


def lock_service(service: Service) -> None:
    """Make others who lock this service wait until the transaction ends."""
    Service.objects.select_for_update().get(pk=service.pk)


def service_summaries(org: Org) -> list[ServiceSummary]:
    """Return the organisation's services by name; one query."""
    names = Environment.objects.filter(service=OuterRef("pk")).order_by("name").values("name")
    rows: QuerySet[Any] = Service.objects.for_org(org).annotate(environment_names=ArraySubquery(names), **_heard())
    return [ServiceSummary(row, row.environment_names, _hearing(row)) for row in rows.order_by("name")]


def environments_of_orgs(org_ids: Collection[UUID]) -> list[Environment]:
    """Return all environments of some organisations with their services, by the names of both."""
    return _OF_ORGS.fetch(orgs=list(org_ids))


_OF_ORGS = CompiledRows(
    lambda: (
        Environment.objects.filter(AnyOf(F("service__org_id"), Parameter("orgs", UUIDField())))
        .select_related("service")
        .order_by("service__name", "name")
    )
)


def environment_summaries(service: Service) -> list[EnvironmentSummary]:
    """Return a service's environments by name; one query."""
    rows: QuerySet[Any] = Environment.objects.annotate(**_heard()).order_by("name")
    prefetch_related_objects([service], Prefetch("environments", rows))  # others ask the service for them too
    return [EnvironmentSummary(row, _hearing(row)) for row in service.environments.all()]


def environment_hearing(environment: Environment) -> Hearing:
    """Return how much is heard of one environment."""
    return _hearing(Environment.objects.annotate(**_heard()).get(pk=environment.pk))


def key_summaries(service: Service, *, now: datetime | None = None) -> list[KeySummary]:
    """Return a service's keys, those that work first and the newest of them on top; one query."""
    minutes = _shown_minutes(now or timezone.now())
    used = RateBucket.objects.filter(api_key=OuterRef("pk"), window_start__gte=minutes[0])
    in_minutes = used.values(json=JSONObject(at="window_start", count="count", bytes="bytes"))
    keys: QuerySet[Any] = ApiKey.objects.filter(service=service).annotate(used=ArraySubquery(in_minutes))
    rows = keys.select_related("environment", "created_by").order_by("-created_at", "pk")
    return sorted((_key_summary(row, minutes) for row in rows), key=lambda each: each.is_over)


def _key_summary(row: Any, minutes: list[datetime]) -> KeySummary:
    counts = {datetime.fromisoformat(each["at"]): each["count"] for each in row.used}
    use = [Bucket(start, start + _MINUTE, {"info": counts.get(start, 0)}) for start in minutes]
    peak_bytes = max((each["bytes"] for each in row.used), default=0)
    return KeySummary(row, use, row.rate_per_minute or default_rate(row), peak_bytes)


def _heard() -> dict[str, Count | Max]:
    """Annotations that a Hearing is made of, for a queryset of anything that has `api_keys`."""
    now = timezone.now()
    live = Q(api_keys__revoked_at=None) | Q(api_keys__revoked_at__gt=now)
    live &= Q(api_keys__expires_at=None) | Q(api_keys__expires_at__gt=now)
    ever_made = Q(api_keys__isnull=False)
    return {"live_keys": Count("api_keys", filter=ever_made & live), "last_log_at": Max("api_keys__last_used_at")}


def _hearing(row: Any) -> Hearing:
    return Hearing(live_keys=row.live_keys, last_log_at=row.last_log_at)


def _shown_minutes(now: datetime) -> list[datetime]:
    """Return when each minute of the last hour began, the one that is running included, oldest first."""
    last = now.replace(second=0, microsecond=0)
    return [last - step * _MINUTE for step in reversed(range(USE_SHOWN // _MINUTE))]


def ingest_rules_of(service_id: UUID) -> Any:
    """Return a service's ingest rules as they are stored; None when the service is gone."""
    return Service.objects.filter(pk=service_id).values_list("ingest_rules", flat=True).first()
