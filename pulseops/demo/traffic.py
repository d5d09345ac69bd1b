"""The demo's live traffic: a small program that sends as the demo's services would, until it is told to stop.

`manage.py demo --live` becomes this program (`python -m pulseops.demo.traffic`) and hands it what it needs as JSON on
its standard input. It knows nothing of Django or the database, so it takes little memory, and it has no other way in
than the one that everybody's services have: HTTP and an API key.
"""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import os
import random
import signal
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from pulseops.core.config.logging import JsonFormatter, TextFormatter
from pulseops.demo.script import Report, Script
from pulseops.demo.story import DemoLog, moments, request_logs
from pulseops.server.supervision import end_with_supervisor

log = logging.getLogger("pulseops.demo.traffic")
_TICK = 2.0  # seconds between two looks at what there is to say
_MOST_WAITING = 1_000  # requests, while the server is away; the oldest go first
_LONGEST_WAIT = 30.0  # seconds
_SEND_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
Place = tuple[str, str]  # the names of a service and of its environment


@dataclass(frozen=True, slots=True)
class Request:
    """One POST to be made until it is answered; `name` tells the server when it is made again."""

    place: Place
    path: str
    body: Mapping[str, Any]
    name: str = field(default_factory=lambda: str(uuid.uuid4()))


class LaterError(Exception):
    """The server is away or wants to be left alone for `seconds`."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class Sender:
    """Posts to the PulseOps at `url`, which calls itself `host`. Keys that it refuses are not used again."""

    def __init__(self, url: str, host: str, keys: Mapping[Place, str]) -> None:
        self._url = url
        self._host = host
        self._keys = dict(keys)
        self._refused: set[tuple[Place, int]] = set()

    @property
    def is_welcome(self) -> bool:
        """Whether any key is left."""
        return bool(self._keys)

    def send(self, request: Request) -> None:
        """Post; what is refused for good is logged and forgotten. Raises LaterError."""
        key = self._keys.get(request.place)
        if key is None:
            return
        headers = {"x-api-key": key, "content-type": "application/json", "idempotency-key": request.name}
        headers["host"] = self._host
        body = json.dumps(request.body, default=str).encode()
        post = urllib.request.Request(self._url + request.path, body, headers)  # noqa: S310  # http, to ourselves
        try:
            with urllib.request.urlopen(post, timeout=15) as answer:  # noqa: S310
                answer.read()
        except urllib.error.HTTPError as error:
            with error:
                self._judge(request, error)
        except (OSError, HTTPException) as error:
            raise LaterError(f"cannot be reached: {error}", 1) from None

    def _judge(self, request: Request, error: urllib.error.HTTPError) -> None:
        if error.code in _SEND_AGAIN:
            after = error.headers.get("retry-after") or ""
            raise LaterError(f"answered {error.code}", float(after) if after.isascii() and after.isdecimal() else 1)
        if (request.place, error.code) not in self._refused:
            said = error.read(300).decode(errors="replace")
            log.warning("%s for %s / %s was refused: %s %s", request.path, *request.place, error.code, said)
            self._refused.add((request.place, error.code))
        if error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            del self._keys[request.place]


class Traffic:
    """What the services have to say, as time goes on."""

    def __init__(self, script: Script, random_: random.Random, start: datetime) -> None:
        self._script = script
        self._random = random_
        self._told_until = start
        self._order = itertools.count()
        self._coming: list[tuple[datetime, int, DemoLog]] = []  # lines of requests that still run

    def until(self, now: datetime) -> Iterator[Request]:
        """Give what is to be sent for the time from the last call to `now`."""
        span = min(now - self._told_until, timedelta(minutes=1))  # after a long sleep of the machine: no flood
        start, self._told_until = now - span, now
        for at in moments(self._random, start, span):
            for line in request_logs(self._random, at, self._script.trouble_at(at)):
                heapq.heappush(self._coming, (line.at, next(self._order), line))
        for report in self._script.reports_until(now):
            yield _deployment(report)
        yield from _logs(self._due(now))

    def _due(self, now: datetime) -> Iterator[DemoLog]:
        while self._coming and self._coming[0][0] <= now:
            yield heapq.heappop(self._coming)[2]


def _logs(lines: Iterator[DemoLog]) -> Iterator[Request]:
    by_place: dict[Place, list[Mapping[str, Any]]] = {}
    for line in lines:
        by_place.setdefault((line.service, line.environment), []).append(_entry(line))
    for place, entries in by_place.items():
        yield Request(place, "/api/v1/logs/ingest", {"logs": entries})


def _entry(line: DemoLog) -> Mapping[str, Any]:
    ids = {"trace_id": line.trace_id, "request_id": line.request_id}
    told = {name: value for name, value in ids.items() if value}
    return {"timestamp": line.at.isoformat(), "level": line.level, "message": line.message, "meta": line.meta, **told}


def _deployment(report: Report) -> Request:
    body = {
        "commit_sha": report.commit_sha,
        "commit_message": report.message,
        "author": report.author,
        "branch": "main",
        "status": report.status,
        "external_id": report.external_id,
    }
    return Request((report.service, report.environment), "/api/v1/deployments", body)


class Live:
    """Sends what there is to say, in order, however long the server is away."""

    def __init__(self, sender: Sender, traffic: Traffic) -> None:
        self._sender = sender
        self._traffic = traffic
        self._waiting: deque[Request] = deque(maxlen=_MOST_WAITING)
        self._failed = 0

    def run(self) -> None:
        """Go on until no key is left."""
        log.info("the demo's traffic has started")
        pause = _TICK
        while self._sender.is_welcome:
            time.sleep(pause)
            pause = self.step(datetime.now(UTC))
        log.warning("no API key of the demo is valid any more; its traffic has ended")

    def step(self, now: datetime) -> float:
        """Send what there is to say until `now`; returns how many seconds to pause."""
        self._waiting.extend(self._traffic.until(now))
        while self._waiting:
            try:
                self._sender.send(self._waiting[0])
            except LaterError as later:
                return self._wait(later)
            self._waiting.popleft()
            self._failed = 0
        return _TICK

    def _wait(self, later: LaterError) -> float:
        self._failed += 1
        if self._failed == 1:
            log.warning("PulseOps %s; the demo's traffic waits and is sent again", later)
        return min(max(later.seconds, 2.0 ** min(self._failed, 5)), _LONGEST_WAIT)


def main() -> None:
    """Read {"url", "host", "keys": [[service, environment, key], …]} from the standard input, and run."""
    _log_like_the_others()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    end_with_supervisor()
    given = json.load(sys.stdin)
    try:
        make_live(given["url"], given["host"], given["keys"]).run()
    finally:
        log.info("the demo's traffic has stopped")


def make_live(url: str, host: str, keys: Sequence[tuple[str, str, str]], *, seed: int | None = None) -> Live:
    """Return traffic to the PulseOps at `url`, beginning now; the same `seed` makes the same of the same time."""
    random_ = random.Random(seed)  # noqa: S311  # a story, not a secret
    start = datetime.now(UTC)
    sender = Sender(url, host, {(service, environment): key for service, environment, key in keys})
    return Live(sender, Traffic(Script(random_, start), random_, start))


def _log_like_the_others() -> None:
    """Log as settings.py has the other processes log."""
    is_text = os.environ.get("LOG_FORMAT", "text" if sys.stderr.isatty() else "json") == "text"
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    logging.basicConfig(level=os.environ.get("LOG_LEVEL") or "INFO", handlers=[handler])


if __name__ == "__main__":
    main()
