"""How a service or an environment is doing: the one place that decides it, for every page that says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.models import Org
from pulseops.core.extensions import SERVICE_TROUBLES, ServiceTrouble
from services.queries import Hearing

QUIET_AFTER = timedelta(hours=1)  # without a log a service counts as silent
_WORDS = {
    "failing": "Failing",
    "degraded": "Degraded",
    "healthy": "Healthy",
    "silent": "Silent",
    "waiting": "Waiting for the first log",
    "off": "No active key",
}


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One of _WORDS, and why: the worst of what is wrong, and how much else is."""

    state: str
    trouble: ServiceTrouble | None = None
    more: int = 0

    @property
    def label(self) -> str:
        """The state in words."""
        return _WORDS[self.state]

    @property
    def rank(self) -> int:
        """What needs a look comes first."""
        return {"failing": 0, "degraded": 1, "silent": 2}.get(self.state, 3)


def service_state(hearing: Hearing, troubles: Sequence[ServiceTrouble] = ()) -> ServiceState:
    """Return how something is doing of which `hearing` is heard; what is wrong with it (worst first) says more."""
    if troubles:
        state = "failing" if any(each.is_severe for each in troubles) else "degraded"
        return ServiceState(state, troubles[0], len(troubles) - 1)
    if hearing.last_log_at and hearing.last_log_at > timezone.now() - QUIET_AFTER:
        return ServiceState("healthy")
    if not hearing.live_keys:
        return ServiceState("off")
    return ServiceState("silent" if hearing.last_log_at else "waiting")


def troubles_of(org: Org) -> list[ServiceTrouble]:
    """Return what is wrong with the organisation's services, the worst first; a query for each app that knows."""
    return [trouble for ask in SERVICE_TROUBLES for trouble in ask(org)]


def of_service(troubles: Iterable[ServiceTrouble], service_id: object) -> list[ServiceTrouble]:
    """Return those of one service."""
    return [each for each in troubles if each.service_id == service_id]
