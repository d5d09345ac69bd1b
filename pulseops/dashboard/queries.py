"""What the dashboard shows, each part by one query; everything starts from one organisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import Org
from deployments.cards import Card, cards, error_changes
from deployments.models import Deployment
from deployments.queries import newest_deployments
from incidents import queries as incident_queries
from incidents.models import Incident, Severity
from incidents.timeline import trouble_of
from pulseops.core.extensions import TIMELINE_MARKS
from pulseops.core.ui.chart_marks import bands_of, markers_of
from pulseops.core.ui.charts import Bucket, Chart, stacked_histogram
from services.models import Service
from services.queries import ServiceSummary
from services.states import ServiceState, service_state
from services.volume import DayVolume

SHOWN_INCIDENTS = 6
SHOWN_DEPLOYMENTS = 6


# -- What is wrong ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LiveIncidents:
    """The live incidents, worst first and of equal ones the oldest first; no more than MOST_LIVE."""

    all: Sequence[Incident]

    @property
    def shown(self) -> Sequence[Incident]:
        """Those that have a row of their own."""
        return self.all[:SHOWN_INCIDENTS]

    @property
    def hidden(self) -> int:
        """How many more there are."""
        return len(self.all) - len(self.shown)

    @property
    def high(self) -> int:
        """How many are of high severity."""
        return sum(each.severity == Severity.HIGH for each in self.all)

    @property
    def by_service(self) -> Mapping[UUID, list[Incident]]:
        """Service id → its live incidents."""
        result: dict[UUID, list[Incident]] = {}
        for each in self.all:
            result.setdefault(each.service_id, []).append(each)
        return result


def live_incidents(org: Org) -> LiveIncidents:
    """Return what is wrong now; one query."""
    return LiveIncidents(incident_queries.live_incidents(org))


# -- Services --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServiceCard:
    """A service in the grid; `deployment` is its newest, None without one. Counts are of the last 24 hours."""

    service: Service
    state: ServiceState
    spark: Sequence[Bucket]
    logs: int
    errors: int
    last_log_at: datetime | None
    deployment: Deployment | None

    @property
    def spark_label(self) -> str:
        """What the sparkline shows, for who cannot see it."""
        return f"{self.service.name}, 24 hours: {self.errors:,} errors among {self.logs:,} logs"


def service_cards(
    services: Iterable[ServiceSummary], volume: DayVolume, incidents: LiveIncidents, newest: Mapping[UUID, Deployment]
) -> list[ServiceCard]:
    """Make a card of each service, what needs a look first, then by name."""
    by_service = incidents.by_service
    cards = [_card(each, volume, by_service.get(each.service.pk, []), newest.get(each.service.pk)) for each in services]
    return sorted(cards, key=lambda card: (card.state.rank, card.service.name.lower()))


def _card(
    summary: ServiceSummary, volume: DayVolume, incidents: Sequence[Incident], deployment: Deployment | None
) -> ServiceCard:
    service_id = summary.service.pk
    hearing = summary.hearing.heard_at(volume.last_bar_at(service_id))
    return ServiceCard(
        service=summary.service,
        state=service_state(hearing, [trouble_of(each) for each in incidents]),
        spark=volume.spark_buckets(service_id),
        logs=volume.total(service_id),
        errors=volume.total(service_id, "error"),
        last_log_at=hearing.last_log_at,
        deployment=deployment,
    )


# -- Deployments -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deployments:
    """The organisation's newest deployments, and the newest of each service."""

    latest: Sequence[Card]
    of_service: Mapping[UUID, Deployment]


def deployments(org: Org) -> Deployments:
    """Return both; one query, and one for the errors."""
    rows = newest_deployments(org, limit=SHOWN_DEPLOYMENTS)
    by_service: dict[UUID, Deployment] = {}
    for row in rows:
        by_service.setdefault(row.service_id, row)
    latest = rows[:SHOWN_DEPLOYMENTS]
    return Deployments(cards(latest, error_changes(org, latest)), by_service)


# -- The chart -------------------------------------------------------------------------------------------------------


def volume_chart(org: Org, volume: DayVolume) -> Chart:
    """Draw the day by level, with what happened in it; one query for each app that tells of something."""
    marks = [mark for ask in TIMELINE_MARKS for mark in ask(org, (), (), volume.since, volume.until)]
    return stacked_histogram(
        volume.chart_buckets(),
        height=140,
        markers=markers_of(marks),
        bands=bands_of(marks),
    )
