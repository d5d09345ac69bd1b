"""What the list of incidents is narrowed to, as the address says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse

from accounts.models import User
from incidents.models import Incident, Severity
from services.models import Service

LIVE = "live"
STATES = (LIVE, *Incident.Status.values, "all")


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty means any. `environment` is a name, for services have each their own; `mine` is the reader."""

    state: str = LIVE
    service: Service | None = None
    environment: str = ""
    severity: str = ""
    source: str = ""
    text: str = ""
    mine: User | None = None

    @property
    def count(self) -> int:
        """How many are chosen besides the state and the text."""
        return sum(map(bool, (self.service, self.environment, self.severity, self.source, self.mine)))

    @property
    def is_narrowed(self) -> bool:
        """Whether anything besides the state is chosen."""
        return bool(self.count or self.text)

    @property
    def besides_state(self) -> Q:
        """All but the state."""
        wanted = Q()
        if self.service:
            wanted &= Q(service=self.service)
        if self.environment:
            wanted &= Q(environment__name=self.environment)
        if self.severity:
            wanted &= Q(severity=self.severity)
        if self.source:
            wanted &= Q(source=self.source)
        if self.mine:
            wanted &= Q(assignee=self.mine)
        if self.text:
            wanted &= Q(title__icontains=self.text) | Q(description__icontains=self.text)
        return wanted

    @property
    def of_state(self) -> Q:
        """The state alone."""
        if self.state == LIVE:
            return ~Q(status=Incident.Status.RESOLVED)
        return Q() if self.state == "all" else Q(status=self.state)

    def url(self, *, state: str = "", before: str = "") -> str:
        """Return the list's address with these filters, of another `state` if given."""
        state = state or self.state
        parts = {
            "state": "" if state == LIVE else state,
            "service": str(self.service.pk) if self.service else "",
            "environment": self.environment,
            "severity": self.severity,
            "source": self.source,
            "q": self.text,
            "mine": "1" if self.mine else "",
            "before": before,
        }
        query = urlencode({name: value for name, value in parts.items() if value})
        return f"{reverse('incidents:list')}{'?' if query else ''}{query}"


def read_filters(given: QueryDict, services: Sequence[Service], reader: User) -> Filters:
    """Read the address; what is not known there is taken as any."""

    def one_of(name: str, known: Sequence[str]) -> str:
        value = given.get(name, "")
        return value if value in known else ""

    return Filters(
        state=one_of("state", STATES) or LIVE,
        service=next((each for each in services if str(each.pk) == given.get("service")), None),
        environment=given.get("environment", "")[:200].replace("\0", ""),
        severity=one_of("severity", Severity.values),
        source=one_of("source", Incident.Source.values),
        text=given.get("q", "").strip()[:200].replace("\0", ""),
        mine=reader if given.get("mine") else None,
    )
