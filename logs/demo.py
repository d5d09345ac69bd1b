"""Two days of believable logs: traffic that follows the clock, requests that cross services, one bad deployment.

The same seed gives the same story. The bad deployment of `checkout` in production begins three hours before `now` and
is rolled back 25 minutes later; deployments/demo.py tells the other half.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from accounts.models import Org
from logs import counts
from services.models import Environment

SPAN = timedelta(hours=48)
BAD_DEPLOYMENT_BEFORE = timedelta(hours=3)
BAD_DEPLOYMENT_LASTS = timedelta(minutes=25)
DEMO_SERVICES = {
    "api": "Public HTTP API, the front door",
    "checkout": "Carts, orders and payments",
    "mailer": "Sends receipts and reminders",
    "web": "The shop's pages",
}
_REQUESTS_PER_MINUTE = 8.0  # on average over a day; each makes two to four lines


@dataclass(frozen=True, slots=True)
class DemoLog:
    """One made-up line; `at` is UTC."""

    service: str
    environment: str
    at: datetime
    level: str
    message: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    trace_id: str | None = None
    request_id: str | None = None


_COPY = """
    COPY logs (org_id, service_id, environment_id, ts, created_at, level, message, meta_json, trace_id, request_id)
    FROM STDIN
"""


def fill(org: Org, now: datetime) -> int:
    """Store the story in `org`, each line as if it had been received when it happened; return how many lines.

    Lines of services that the organisation does not have are left out.
    """
    scopes = {
        (environment.service.name, environment.name): environment
        for environment in Environment.objects.for_org(org).select_related("service")
    }
    stored = 0
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in _rows(scopes, demo_logs(now)):
            copy.write_row(row)
            stored += 1
    counts.repair(org_id=org.pk)
    return stored


def _rows(scopes: Mapping[tuple[str, str], Environment], lines: Iterable[DemoLog]) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        environment = scopes.get((line.service, line.environment))
        if environment is None:
            continue
        scope = (environment.service.org_id, environment.service_id, environment.pk)
        yield (*scope, line.at, line.at, line.level, line.message, Jsonb(line.meta), line.trace_id, line.request_id)


def demo_logs(now: datetime, *, seed: int = 7, span: timedelta = SPAN) -> Iterator[DemoLog]:
    """Give the lines of the `span` before `now`, roughly in order of time."""
    random_ = random.Random(seed)  # noqa: S311  # a story, not a secret
    minute = now - span
    while minute < now:
        yield from _minute(random_, minute, now)
        minute += timedelta(minutes=1)


def _minute(random_: random.Random, minute: datetime, now: datetime) -> Iterator[DemoLog]:
    day = (minute.hour * 60 + minute.minute) / 1440
    load = _REQUESTS_PER_MINUTE * (1 - 0.65 * math.cos(2 * math.pi * (day - 0.08)))
    for _ in range(_poisson(random_, load)):
        at = minute + timedelta(seconds=random_.uniform(0, 60))
        if at < now:
            environment = "production" if random_.random() < 0.9 else "staging"
            yield from _request(random_, environment, at, bad=environment == "production" and _is_bad(at, now))
    if minute.minute % 10 == 0:
        yield _log(random_, "mailer", "production", minute, "info", "queue drained", sent=random_.randint(0, 40))
    if minute.minute == 17 and random_.random() < 0.3:
        yield _log(random_, "web", "production", minute, "debug", "sitemap rebuilt", pages=random_.randint(900, 1100))


def _is_bad(at: datetime, now: datetime) -> bool:
    begins = now - BAD_DEPLOYMENT_BEFORE
    return begins <= at < begins + BAD_DEPLOYMENT_LASTS


def _request(random_: random.Random, environment: str, at: datetime, *, bad: bool) -> Iterator[DemoLog]:
    trace = f"{random_.getrandbits(128):032x}"
    request = f"req-{random_.getrandbits(40):010x}"
    ids = {"trace_id": trace, "request_id": request}
    route, story = random_.choices(_STORIES, weights=[5, 3, 2, 2])[0]
    took = random_.lognormvariate(3.6, 0.6)  # milliseconds
    yield DemoLog(
        "web", environment, at, "info", f"GET {route} 200 in {took * 1.4:.0f} ms", _http("GET", route, 200, took), **ids
    )
    yield from story(random_, environment, at + timedelta(milliseconds=took * 0.2), ids, bad)


def _browse(
    random_: random.Random, environment: str, at: datetime, ids: dict[str, str], bad: bool
) -> Iterator[DemoLog]:
    product = random_.randint(100, 999)
    took = random_.lognormvariate(2.8, 0.7)
    path = f"/api/products/{product}"
    status = 404 if random_.random() < 0.02 else 200
    level = "warn" if status == 404 else "info"
    meta = {
        **_http("GET", path, status, took),
        "user": {"id": random_.randint(1, 4000), "plan": random_.choice(["free", "pro"])},
    }
    yield DemoLog("api", environment, at, level, f"GET {path} {status} in {took:.0f} ms", meta, **ids)
    if random_.random() < 0.15:
        yield DemoLog(
            "api",
            environment,
            at,
            "debug",
            f"cache miss for product:{product}",
            {"cache": "redis", "ttl_s": 300},
            **ids,
        )


def _search(
    random_: random.Random, environment: str, at: datetime, ids: dict[str, str], bad: bool
) -> Iterator[DemoLog]:
    words = random_.choice(["kettle", "desk lamp", "ブルーランプ", "größe L", "usb-c cable"])
    took = random_.lognormvariate(4.2, 0.8)
    level = "warn" if took > 250 else "info"
    message = (
        f'search "{words}" took {took:.0f} ms'
        if level == "info"
        else f'slow query: search "{words}" took {took:.0f} ms'
    )
    yield DemoLog(
        "api",
        environment,
        at,
        level,
        message,
        {"query": words, "hits": random_.randint(0, 80), "took_ms": round(took, 1)},
        **ids,
    )


def _order(random_: random.Random, environment: str, at: datetime, ids: dict[str, str], bad: bool) -> Iterator[DemoLog]:
    order = random_.randint(70_000, 99_999)
    amount = round(random_.lognormvariate(3.5, 0.8), 2)
    meta = {"order_id": order, "amount": amount, "currency": "EUR", "provider": "stripe"}
    yield DemoLog("checkout", environment, at, "info", f"order {order} created, {amount:.2f} EUR", meta, **ids)
    later = at + timedelta(milliseconds=random_.uniform(80, 900))
    if random_.random() < (0.75 if bad else 0.006):
        waited = random_.randint(3000, 9000)
        failed = {**meta, "waited_ms": waited, "error": {"type": "ProviderTimeout", "retryable": True}, "stack": _STACK}
        yield DemoLog(
            "checkout",
            environment,
            later,
            "error",
            f"payment provider timeout after {waited} ms (order {order})",
            failed,
            **ids,
        )
        yield DemoLog(
            "api",
            environment,
            later,
            "error",
            "POST /api/orders 502 upstream checkout failed",
            _http("POST", "/api/orders", 502, waited),
            **ids,
        )
        return
    yield DemoLog("checkout", environment, later, "info", f"payment captured for order {order}", meta, **ids)
    yield DemoLog(
        "mailer",
        environment,
        later,
        "info",
        f"receipt sent for order {order}",
        {"order_id": order, "template": "receipt"},
        **ids,
    )


def _sign_in(
    random_: random.Random, environment: str, at: datetime, ids: dict[str, str], bad: bool
) -> Iterator[DemoLog]:
    user = random_.randint(1, 4000)
    if random_.random() < 0.08:
        yield DemoLog(
            "api",
            environment,
            at,
            "warn",
            f"failed sign-in for user {user}: wrong password",
            {"user": {"id": user}, "attempt": random_.randint(1, 4)},
            **ids,
        )
    else:
        yield DemoLog(
            "api",
            environment,
            at,
            "info",
            f"user {user} signed in",
            {"user": {"id": user}, "method": random_.choice(["password", "sso"])},
            **ids,
        )


_STORIES = [("/products", _browse), ("/search", _search), ("/checkout", _order), ("/login", _sign_in)]
_STACK = """Traceback (most recent call last):
  File "checkout/payments.py", line 88, in capture
    reply = provider.capture(order.payment_id, timeout=3)
  File "checkout/provider.py", line 41, in capture
    raise ProviderTimeout(elapsed)
checkout.provider.ProviderTimeout"""


def _http(method: str, path: str, status: int, took_ms: float) -> dict[str, Any]:
    return {"http": {"method": method, "path": path, "status": status}, "took_ms": round(took_ms, 1)}


def _log(
    random_: random.Random, service: str, environment: str, at: datetime, level: str, message: str, **meta: Any
) -> DemoLog:
    return DemoLog(service, environment, at, level, message, meta, request_id=f"job-{random_.getrandbits(32):08x}")


def _poisson(random_: random.Random, mean: float) -> int:
    """Draw from a Poisson distribution (Knuth's product of uniforms; good for small means)."""
    limit, product, count = math.exp(-mean), random_.random(), 0
    while product > limit:
        product *= random_.random()
        count += 1
    return count
