"""Database, cache and queue."""

from __future__ import annotations

from typing import Any

from pulseops.core.config.database_pool import share_connections
from pulseops.core.config.environment import env
from pulseops.settings.place import DATABASE_URL, REDIS_URL

if DATABASE_URL:
    DATABASES: dict[str, dict[str, Any]] = {"default": env.database("DATABASE_URL")}
else:
    DATABASES = {"default": {"ENGINE": "pulseops.core.postgres", "NAME": "pulseops"}}
# The web process sets a size and shares a pool between its threads; everything else keeps one connection a thread.
DATABASE_POOL_SIZE = env.whole("DATABASE_POOL_SIZE", 0)
# Whom the pages of an organisation become, so that policies ask again whose rows they see; empty: no one.
DATABASE_WEB_ROLE = env.text("DATABASE_WEB_ROLE", "pulseops_web")
DATABASE_WAIT_SECONDS = env.whole("DATABASE_WAIT_SECONDS", 5, least=1)  # for a connection; then the answer is 503
DATABASE_ANSWER_SECONDS = env.number("DATABASE_ANSWER_SECONDS", 20)  # for one answer to a page or sender; 0: no limit
DATABASE_LOCK_SECONDS = env.number("DATABASE_LOCK_SECONDS", 2, least=0.1)  # for a lock, of pages and senders; then 503
DATABASE_JOB_LOCK_SECONDS = env.number("DATABASE_JOB_LOCK_SECONDS", 30, least=0.1)  # the same, of worker and dispatcher
DATABASE_WORKER_SECONDS = env.number(
    "DATABASE_WORKER_SECONDS", 0.8, least=0.1
)  # of a worker of Citus; then it is silent
DATABASE_IDLE_SECONDS = env.number("DATABASE_IDLE_SECONDS", 120, least=1)  # that a transaction may stand idle
MIGRATE_LOCK_SECONDS = env.whole("MIGRATE_LOCK_SECONDS", 5)  # for a table's lock; then `migrate` lets go for a while
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
_options = DATABASES["default"].setdefault("OPTIONS", {})
_options.setdefault("connect_timeout", 5)  # seconds
if DATABASE_URL:  # so that worker and loop, which wait without end, notice a machine that went without a word
    for _name, _value in (("keepalives_idle", 30), ("keepalives_interval", 10), ("tcp_user_timeout", 60_000)):
        _options.setdefault(_name, _value)  # seconds, seconds, ms; sockets of this machine do not know them
if DATABASE_POOL_SIZE:
    share_connections(DATABASES["default"], size=DATABASE_POOL_SIZE, wait_seconds=DATABASE_WAIT_SECONDS)
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600

# Throttles must count across processes, so the cache is shared: a table, or Redis. What may differ between processes
# for some seconds is kept in each.
_TABLE = {
    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
    "LOCATION": "cache_entries",
    # Beyond it entries go, whether they have expired or not. Django's 300 would let anyone who fails to sign in as 300
    # people wipe out the count of failures; the job trim_cache takes away what has expired.
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}
_REDIS = {
    "BACKEND": "pulseops.core.redis_client.RedisOrTableCache",
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": "pulseops",
}
CACHES = {
    "default": _REDIS if REDIS_URL else _TABLE,
    "table": _TABLE,  # what stands in for Redis while that is away
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "process"},
}

Q_CLUSTER = {
    "name": "pulseops",
    "workers": env.whole("WORKERS", 2, least=1),
    "timeout": 120,
    "retry": 180,  # seconds; above `timeout`, or a slow task would be handed out twice
    "max_attempts": 1,  # our own tables hold what is still to be done
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.5,  # seconds
    "save_limit": 500,
    "max_rss": 300_000,  # KiB
    "recycle": 5_000,
    "label": "Background work",
    **({"broker_class": "pulseops.core.redis_client.RedisQueue"} if REDIS_URL else {"orm": "default"}),
}
