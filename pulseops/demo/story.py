"""Believable logs of a small shop: traffic that follows the clock, requests that cross services, things that go wrong.

Nothing of Django here: the demo's live traffic (pulseops/demo/traffic.py) tells the same story in a process of its own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

SPAN = timedelta(hours=48)
BAD_DEPLOYMENT_BEFORE = timedelta(hours=3)
BAD_DEPLOYMENT_LASTS = timedelta(minutes=25)
DEMO_SERVICES = {
    "api": "Public HTTP API, the front door",
    "checkout": "Carts, orders and payments",
    "mailer": "Sends receipts and reminders",
    "web": "The shop's pages",
}
_REQUESTS_PER_MINUTE = 12.0  # on average over a day; each makes two to four lines
_TRIES = 4  # of a customer whose payment fails


class Trouble(StrEnum):
    """What goes wrong in production for a while."""

    PAYMENTS = "payments"
    SEARCH = "search"


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


def demo_logs(now: datetime, *, seed: int = 7, span: timedelta = SPAN, is_told: bool = True) -> Iterator[DemoLog]:
    """Give the lines of the `span` before `now`, roughly in order of time; without the bad deployment if not `is_told`.

    The same seed gives the same lines. The bad deployment of `checkout` in production begins three hours before `now`
    and is rolled back 25 minutes later; pulseops/demo/deployments.py tells the other half.
    """
    random_ = random.Random(seed)  # noqa: S311  # a story, not a secret
    minute = now - span
    while minute < now:
        for at in moments(random_, minute, timedelta(minutes=1)):
            if at < now:
                yield from request_logs(random_, at, Trouble.PAYMENTS if is_told and _is_bad(at, now) else None)
        yield from _chores(random_, minute)
        minute += timedelta(minutes=1)


def moments(random_: random.Random, start: datetime, span: timedelta) -> list[datetime]:
    """Draw when requests come in within `span` (minutes at most) from `start`: many by day, few by night (UTC)."""
    seconds = span.total_seconds()
    count = _poisson(random_, _load(start) * seconds / 60)
    return [start + timedelta(seconds=random_.uniform(0, seconds)) for _ in range(count)]


def _load(at: datetime) -> float:
    """Requests a minute: least at two in the night, most at two in the afternoon."""
    day = (at.hour * 60 + at.minute) / 1440
    return _REQUESTS_PER_MINUTE * (1 - 0.5 * math.cos(2 * math.pi * (day - 0.08)))


def _chores(random_: random.Random, minute: datetime) -> Iterator[DemoLog]:
    if minute.minute % 10 == 0:
        yield _log(random_, "mailer", "production", minute, "info", "queue drained", sent=random_.randint(0, 40))
    if minute.minute == 17 and random_.random() < 0.3:
        yield _log(random_, "web", "production", minute, "debug", "sitemap rebuilt", pages=random_.randint(900, 1100))


def _is_bad(at: datetime, now: datetime) -> bool:
    begins = now - BAD_DEPLOYMENT_BEFORE
    return begins <= at < begins + BAD_DEPLOYMENT_LASTS


def request_logs(random_: random.Random, at: datetime, trouble: Trouble | None) -> Iterator[DemoLog]:
    """Give the lines of one request at `at`, and a few seconds after it; `trouble` is what goes wrong in production."""
    environment = "production" if random_.random() < 0.9 else "staging"
    if environment != "production":
        trouble = None
    trace = f"{random_.getrandbits(128):032x}"
    request = f"req-{random_.getrandbits(40):010x}"
    ids = {"trace_id": trace, "request_id": request}
    route, story = random_.choices(_STORIES, weights=[5, 3, 3, 2])[0]
    took = random_.lognormvariate(3.6, 0.6)  # milliseconds
    yield DemoLog(
        "web", environment, at, "info", f"GET {route} 200 in {took * 1.4:.0f} ms", _http("GET", route, 200, took), **ids
    )
    yield from story(random_, environment, at + timedelta(milliseconds=took * 0.2), ids, trouble)


def _browse(
    random_: random.Random, environment: str, at: datetime, ids: dict[str, str], trouble: Trouble | None
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
    random_: random.Random, environment: str, at: datetime, ids: dict[str, str], trouble: Trouble | None
) -> Iterator[DemoLog]:
    if trouble is Trouble.SEARCH and random_.random() < 0.8:
        yield from _failed_search(random_, environment, at, ids)
        return
    words = random_.choice(["kettle", "desk lamp", "синяя лампа", "größe L", "usb-c cable"])
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


def _failed_search(random_: random.Random, environment: str, at: datetime, ids: dict[str, str]) -> Iterator[DemoLog]:
    meta = {"index": "products", "node": f"search-{random_.randint(1, 3)}", "error": {"type": "ConnectionRefused"}}
    for attempt in range(1, random_.randint(2, 5)):
        later = at + timedelta(milliseconds=250 * attempt)
        yield DemoLog("api", environment, later, "warn", f"search index refused, attempt {attempt}", meta, **ids)
    yield DemoLog(
        "api",
        environment,
        later,
        "error",
        "GET /api/search 503 search index unreachable",
        {**meta, **_http("GET", "/api/search", 503, 1250)},
        **ids,
    )


def _order(
    random_: random.Random, environment: str, at: datetime, ids: dict[str, str], trouble: Trouble | None
) -> Iterator[DemoLog]:
    order = random_.randint(70_000, 99_999)
    amount = round(random_.lognormvariate(3.5, 0.8), 2)
    meta = {"order_id": order, "amount": amount, "currency": "EUR", "provider": "stripe"}
    yield DemoLog("checkout", environment, at, "info", f"order {order} created, {amount:.2f} EUR", meta, **ids)
    later = at + timedelta(milliseconds=random_.uniform(80, 900))
    is_bad = trouble is Trouble.PAYMENTS
    for _ in range(_TRIES if is_bad else 1):  # who sees it fail tries again
        if random_.random() >= (0.8 if is_bad else 0.006):
            break
        waited = random_.randint(3000, 9000)
        yield from _failed_payment(environment, later, order, waited, meta, ids)
        later += timedelta(milliseconds=waited)
    else:
        return
    yield DemoLog("checkout", environment, later, "info", f"payment captured for order {order}", meta, **ids)
    receipt = {"order_id": order, "template": "receipt"}
    yield DemoLog("mailer", environment, later, "info", f"receipt sent for order {order}", receipt, **ids)


def _failed_payment(
    environment: str, at: datetime, order: int, waited: int, meta: Mapping[str, Any], ids: dict[str, str]
) -> Iterator[DemoLog]:
    failed = {**meta, "waited_ms": waited, "error": {"type": "ProviderTimeout", "retryable": True}, "stack": _STACK}
    words = f"payment provider timeout after {waited} ms (order {order})"
    yield DemoLog("checkout", environment, at, "error", words, failed, **ids)
    answered = _http("POST", "/api/orders", 502, waited)
    yield DemoLog("api", environment, at, "error", "POST /api/orders 502 upstream checkout failed", answered, **ids)


def _sign_in(
    random_: random.Random, environment: str, at: datetime, ids: dict[str, str], trouble: Trouble | None
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
