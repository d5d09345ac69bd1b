"""Places where an app above adds to the page of an app below, without the one below importing it.

An app adds its function in `AppConfig.ready`; the page's view asks each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.http import HttpRequest

Added = TypeVar("Added")


@dataclass(frozen=True, slots=True)
class ExtensionPoint(Generic[Added]):
    """An ordered set, of functions mostly, that apps add to at start-up."""

    added: list[Added] = field(default_factory=list)

    def add(self, *added: Added) -> None:
        """Add what is not there yet."""
        self.added.extend(each for each in added if each not in self.added)

    def __iter__(self) -> Iterator[Added]:
        return iter(self.added)


@dataclass(frozen=True, slots=True)
class Panel:
    """A section of someone else's page: a template and what it needs.

    A service's page takes from it what is wrong (`troubles`, the worst first), and `marks` for its chart.
    """

    title: str
    template: str
    context: dict[str, Any]
    anchor: str = ""
    is_urgent: bool = False  # stands first
    words: str = ""  # what it says, where there is room for a line only
    troubles: Sequence[ServiceTrouble] = ()
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, to be drawn over a histogram: a point, or with `until` a band. Times are UTC."""

    at: datetime
    kind: str  # "deployment", "incident"
    label: str
    url: str
    until: datetime | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class ErrorChange:
    """How many errors an environment logged in the half hour before a deployment was live there, and in that after.

    `is_clear`: chance alone would hardly make such a difference.
    """

    before: int
    after: int
    is_clear: bool = False


@dataclass(frozen=True, slots=True)
class ServiceTrouble:
    """What is wrong with a service now: an incident, say."""

    service_id: UUID
    environment_id: UUID
    is_severe: bool
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One place of the product: in the bar, or with `settings`, among the settings that admins see; by `place` there.

    `key` goes there after `g`; `beside` is another route whose pages belong to the entry.
    """

    place: int
    label: str
    url_name: str
    icon: str
    key: str = ""
    settings: bool = False
    beside: str = ""


@dataclass(frozen=True, slots=True)
class MemberSecret:
    """A secret that a member has seen and that works without them: an API key, what signs a repository's webhooks."""

    label: str
    url: str  # where it is changed


@dataclass(frozen=True, slots=True)
class MemberSecrets:
    """A kind of such secrets. `of_members` is (organisation, ids of users) -> id -> those that work; one query.

    `revoke` ends those of one member, in the caller's transaction, which is called with actor, org and user; it returns
    what to call them in a sentence.
    """

    noun: str
    of_members: Callable[[Any, Collection[Any]], Mapping[Any, Sequence[MemberSecret]]]
    revoke: Callable[..., Sequence[str]]


# Entries of the bar and of the settings.
NAV: ExtensionPoint[NavEntry] = ExtensionPoint()

# (request, services.Service) -> a panel for the service's page, or None when this reader gets none.
SERVICE_PANELS: ExtensionPoint[Callable[[HttpRequest, Any], Panel | None]] = ExtensionPoint()

# (accounts.Org) -> what is wrong with its services, the worst first.
SERVICE_TROUBLES: ExtensionPoint[Callable[[Any], Sequence[ServiceTrouble]]] = ExtensionPoint()

# (organisation id, from, until, step, service id or None for all) -> how many logs there were in each step: (its
# beginning, service id, level, logs).
LOG_VOLUME: ExtensionPoint[
    Callable[[Any, datetime, datetime, timedelta, Any], Sequence[tuple[datetime, UUID, str, int]]]
] = ExtensionPoint()

# What a member leaves behind: shown, and on request revoked, when they are removed.
MEMBER_SECRETS: ExtensionPoint[MemberSecrets] = ExtensionPoint()

# services.ApiKey -> what the page that waits for its first log should say (count, reason, sample, last_at), or None.
KEY_NOTICES: ExtensionPoint[Callable[[Any], Any]] = ExtensionPoint()

# (accounts.Org, service ids, environment ids, from, until) -> what happened in between; no ids mean all.
TIMELINE_MARKS: ExtensionPoint[Callable[[Any, Sequence[Any], Sequence[Any], datetime, datetime], Sequence[Mark]]] = (
    ExtensionPoint()
)

# (request, incidents.Incident) -> a panel for the incident's page, or None: the rule that opened it, say.
INCIDENT_PANELS: ExtensionPoint[Callable[[HttpRequest, Any], Panel | None]] = ExtensionPoint()

# (organisation id, whether there are errors in it) once a batch of logs is committed; must be quick and may not fail.
AFTER_INGEST: ExtensionPoint[Callable[[Any, bool], None]] = ExtensionPoint()

# (organisation id) inside the transaction in which a deployment reached a final state.
AFTER_DEPLOYMENT: ExtensionPoint[Callable[[Any], None]] = ExtensionPoint()

# (request, deployments.Deployment) -> a panel for the deployment's page, or None.
DEPLOYMENT_PANELS: ExtensionPoint[Callable[[HttpRequest, Any], Panel | None]] = ExtensionPoint()

# (accounts.Org, some deployments) -> deployment id -> what it did to the errors, as far as that can be told.
DEPLOYMENT_ERRORS: ExtensionPoint[Callable[[Any, Sequence[Any]], Mapping[int, ErrorChange]]] = ExtensionPoint()

# (accounts.Org, services.Service or .Environment, a time.monotonic() to stop at or None) -> whether all is gone that
# would make its deletion a long transaction. Called before it, outside a transaction.
BEFORE_DELETE: ExtensionPoint[Callable[[Any, float | None], bool]] = ExtensionPoint()

# (services.Service, days) -> how many things of it would be deleted if it kept them for so many days.
RETENTION_LOSSES: ExtensionPoint[Callable[[Any, int], int]] = ExtensionPoint()
