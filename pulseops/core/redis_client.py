"""Redis as cache and queue, where REDIS_URL names one. It may be away: nothing waits long for it, and nothing ends.

What is counted in the cache are tries to sign in and downloads: those must stay bounded, and people must come in. So
what Redis does not answer, the table of the database does, and Redis is asked again a few seconds later. The counts of
one do not move to the other: for that moment a limit may be used twice.

Only settings name what is here, so that a process without Redis does not load its client: some 8 MB, and a tenth of a
second of each start.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import redis
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django_q.brokers import redis_broker
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from pulseops.core.jobs.queue import QueueAwayError

FALLBACK = "table"  # the name in CACHES
ASK_AGAIN_SECONDS = 5.0
log = logging.getLogger(__name__)


def _impatience() -> dict[str, Any]:
    """Options of a connection that is given up soon; the queue's longest answer takes a second by design."""
    return {"socket_connect_timeout": 1, "socket_timeout": 4, "retry": Retry(NoBackoff(), 0)}


class RedisQueue(redis_broker.Redis):
    """django-q's queue in Redis."""

    @staticmethod
    def get_connection(list_key: str | None = None) -> redis.Redis:
        """Return a client that gives up soon; the library's tries for many seconds."""
        return redis.from_url(settings.REDIS_URL, **_impatience())

    def queue_size(self) -> int:
        """Return how many tasks wait; raises QueueAwayError when Redis does not answer."""
        try:
            return int(super().queue_size())
        except RedisError as error:
            raise QueueAwayError(str(error)) from error


class RedisOrTable:
    """In the place of Django's client of Redis; each call that Redis fails is made to the table, with the same key."""

    _away_until = 0.0  # of this process, by the monotonic clock

    def __init__(self, servers: Any, **options: Any) -> None:
        self._redis = RedisCacheClient(servers, **_impatience(), **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._call, name)

    def _call(self, name: str, *arguments: Any) -> Any:
        if time.monotonic() >= RedisOrTable._away_until:
            try:
                return getattr(self._redis, name)(*arguments)
            except RedisError as error:
                RedisOrTable._away_until = time.monotonic() + ASK_AGAIN_SECONDS
                log.warning("Redis does not answer, the table is the cache meanwhile", extra={"error": str(error)})
        return getattr(caches[FALLBACK], name)(*arguments)


class RedisOrTableCache(RedisCache):
    """Named in settings."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = RedisOrTable
