"""Which time is compared with which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from deployments.models import Deployment
from deployments.queries import deployments_between

CHOICES = {
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "3h": timedelta(hours=3),
    "6h": timedelta(hours=6),
}
DEFAULT = "30m"
_MOST_NEARBY = 50  # more marks than that over a chart hide it


@dataclass(frozen=True, slots=True)
class Windows:
    """The window before [start, pivot) and the one after [pivot, end), in UTC.

    `pivot` is when the new code was live, `length` what was asked for. The window after is shorter while it has not
    passed yet, or when `following` took over within it: what comes then is that one's.
    """

    pivot: datetime
    length: timedelta
    end: datetime
    following: Deployment | None = None
    nearby: tuple[Deployment, ...] = ()  # what was deployed to the same environment in either window

    @property
    def start(self) -> datetime:
        """Where the window before begins."""
        return self.pivot - self.length

    @property
    def after(self) -> timedelta:
        """How long the window after is."""
        return self.end - self.pivot

    @property
    def is_running(self) -> bool:
        """Whether the window after has not passed yet."""
        return self.following is None and self.after < self.length


def windows_of(deployment: Deployment, length: timedelta) -> Windows:
    """Return the windows around `deployment`; one query."""
    pivot = deployment.deployed_at
    end = min(pivot + length, max(timezone.now(), pivot))
    deployments = deployments_between(
        deployment.org, pivot - length, pivot + length, environments=[deployment.environment_id]
    )
    nearby = tuple(deployments[:_MOST_NEARBY])
    following = next((each for each in nearby if _takes_over(each, deployment, end)), None)
    return Windows(pivot, length, following.deployed_at if following else end, following, nearby)


def _takes_over(other: Deployment, deployment: Deployment, end: datetime) -> bool:
    is_later = deployment.deployed_at < other.deployed_at < end
    return is_later and other.pk != deployment.pk and other.status == Deployment.Status.SUCCESS
