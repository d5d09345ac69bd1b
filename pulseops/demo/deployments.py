"""Two days of believable deployments; pulseops/demo/logs.py tells what they did.

The bad one: `checkout` in production is live three hours before `now`, its payments time out, and 25 minutes later the
commit before it is deployed once more. The repositories are made up, so nothing is connected to GitHub.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Org
from deployments.models import Deployment
from deployments.states import certainty
from services.models import Environment, Service

BAD_DEPLOYMENT_BEFORE = timedelta(hours=3)
BAD_DEPLOYMENT_LASTS = timedelta(minutes=25)
_SPAN_HOURS = 48
_PEOPLE = ("Ada Lindqvist", "Noor Haddad", "Jonas Weber", "Mei Tanaka")
_CHANGES = {
    "api": (
        "Return 304 for unchanged products",
        "Page the search by cursor",
        "Drop the unused v0 routes",
        "Log the caller of each request",
    ),
    "checkout": (
        "Show taxes before the address is known",
        "Reserve stock for ten minutes only",
        "Accept vouchers in any case",
    ),
    "mailer": ("Send receipts in the reader's language", "Give up on addresses that bounce three times"),
    "web": (
        "Load the product pictures lazily",
        "Keep the filters in the address",
        "Make the menu usable by keyboard",
        "Say when a product is back in stock",
    ),
}
_BAD = (
    "Call the payment provider's new endpoint\n\nIt answers in one round trip instead of two. The timeout goes down to "
    "2 s, for the new endpoint is said to answer within 400 ms."
)
_ROLLBACK = "Revert “Call the payment provider's new endpoint”\n\nPayments time out since it is live."


@dataclass(frozen=True, slots=True)
class DemoDeployment:
    """One made-up deployment; `live_at` is UTC and when it ended."""

    service: str
    environment: str
    live_at: datetime
    message: str
    author: str
    took: timedelta
    status: Deployment.Status = Deployment.Status.SUCCESS
    branch: str = "main"


def fill(org: Org, services: Iterable[Service], now: datetime) -> int:
    """Store the story for those of `services` (of `org`) whose names it has; return how many deployments."""
    scopes = {
        (each.service.name, each.name): each
        for each in Environment.objects.for_org(org).filter(service__in=list(services)).select_related("service")
    }
    first_run = int(now.timestamp()) * 1_000  # the story may be told again later
    rows = [
        _row(org, environment, told, first_run + number)
        for number, told in enumerate(demo_deployments(now))
        if (environment := scopes.get((told.service, told.environment)))
    ]
    return len(Deployment.objects.bulk_create(rows))


def demo_deployments(now: datetime, *, seed: int = 11) -> Iterator[DemoDeployment]:
    """Give the story, in no order; the same seed gives the same one."""
    random_ = random.Random(seed)  # noqa: S311 - a story, not a secret
    for service, changes in _CHANGES.items():
        for number, message in enumerate(changes):
            ago = timedelta(hours=_SPAN_HOURS * (number + random_.uniform(0.3, 0.9)) / len(changes))
            yield from _change(random_, service, message, now - max(ago, timedelta(hours=5)))
    yield from _bad_deployment(now)
    yield DemoDeployment(
        "web",
        "production",
        now - timedelta(hours=9, minutes=12),
        "Bundle the fonts",
        "Mei Tanaka",
        timedelta(minutes=1, seconds=48),
        Deployment.Status.FAILURE,
    )
    yield DemoDeployment(
        "api",
        "staging",
        now - timedelta(minutes=1),
        "Cache product pages for a minute",
        "Noor Haddad",
        timedelta(minutes=2),
        Deployment.Status.PENDING,
        "cache-products",
    )


def _change(random_: random.Random, service: str, message: str, live_at: datetime) -> Iterator[DemoDeployment]:
    """A change goes to staging first, then to production."""
    author = random_.choice(_PEOPLE)
    for environment, moment in (
        ("staging", live_at - timedelta(minutes=random_.randint(20, 90))),
        ("production", live_at),
    ):
        took = timedelta(seconds=random_.randint(95, 330))
        yield DemoDeployment(service, environment, moment, message, author, took)


def _bad_deployment(now: datetime) -> Iterator[DemoDeployment]:
    live_at, took = now - BAD_DEPLOYMENT_BEFORE, timedelta(minutes=3, seconds=41)
    yield DemoDeployment("checkout", "production", live_at, _BAD, "Jonas Weber", took)
    back_at = live_at + BAD_DEPLOYMENT_LASTS
    yield DemoDeployment(
        "checkout", "production", back_at, _ROLLBACK, "Ada Lindqvist", timedelta(minutes=1, seconds=52)
    )


def _row(org: Org, environment: Environment, told: DemoDeployment, run_id: int) -> Deployment:
    is_final = told.status != Deployment.Status.PENDING
    began = told.live_at - told.took if is_final else told.live_at
    return Deployment(
        org=org,
        service=environment.service,
        environment=environment,
        commit_sha=hashlib.sha1(told.message.encode(), usedforsecurity=False).hexdigest(),
        commit_message=told.message,
        author=told.author,
        branch=told.branch,
        status=told.status,
        created_at=began,
        started_at=began,
        finished_at=told.live_at if is_final else None,
        status_changed_at=told.live_at,
        source=Deployment.Source.RUN,
        run_label=f"Deploy #{401 + run_id % 1_000}",
        run_id=run_id,
        run_attempt=1,
        is_commit_known=True,
        certainty=certainty(Deployment.Source.RUN, told.status),
    )
