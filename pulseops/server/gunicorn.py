"""How gunicorn serves (`gunicorn --config python:pulseops.server.gunicorn pulseops.wsgi`).

Two processes: more of them only fight over the interpreter's work on two cores. A thread each for the clients that send
without a pause (see web.worker), who share few connections to the database, for its writers would fight as well.
WEB_WORKERS, WEB_THREADS and DATABASE_POOL_SIZE change that.
"""

from __future__ import annotations

import gc
import os
import time
from contextlib import suppress
from typing import Any

from pulseops.core.config.database_pool import share_connections
from pulseops.core.config.environment import env
from pulseops.core.web.draining import draining
from pulseops.server import options
from pulseops.server.connection_balance import shares
from pulseops.server.interpreter import share_interpreter
from pulseops.server.supervision import end_with_supervisor

gc.disable()  # until all is loaded (pulseops.apps, pulseops.server.preload)
os.environ["PULSEOPS_PROCESS"] = "web"  # for pulseops.core.metrics, before anything imports it
env.refuse_wrong()

wsgi_app = "pulseops.wsgi"
bind = [f"[{options.HOST}]:{options.PORT}" if ":" in options.HOST else f"{options.HOST}:{options.PORT}"]
preload_app = True  # a worker that is replaced runs the code, templates and addresses of static files that all run
worker_class = "pulseops.server.worker.BoundedWorker"
workers = options.WEB_WORKERS
threads = options.WEB_THREADS

timeout = 60  # seconds without a heartbeat before a worker is replaced
graceful_timeout = 10  # seconds for what is under way; the supervisor waits longer
keepalive = 20  # seconds; log shippers send again soon
max_requests = 500_000
max_requests_jitter = 50_000
limit_request_line = 0  # the worker has looked at its length
limit_request_field_size = options.HEAD_LINE_BYTES
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  # a heartbeat file must not wait for a disk

accesslog = "-" if options.ACCESS_LOG else None
errorlog = "-"
loglevel = options.GUNICORN_LOG_LEVEL

# Shared by the threads of each process; pulseops.settings.database reads it.
os.environ.setdefault("DATABASE_POOL_SIZE", str(options.POOL_SIZE))


def on_starting(server: Any) -> None:
    """Load what requests would load one by one; the workers are forked from here, so they share it."""
    from django.conf import settings  # noqa: PLC0415  # settings are not loaded when this file is

    from pulseops.server.preload import load_everything  # noqa: PLC0415

    draining.reset()
    shares.reset()
    if not settings.DATABASE_POOL_SIZE:  # a fork of `manage.py up`, whose settings are not a web server's
        settings.DATABASE_POOL_SIZE = size = int(os.environ["DATABASE_POOL_SIZE"])
        share_connections(settings.DATABASES["default"], size=size, wait_seconds=settings.DATABASE_WAIT_SECONDS)
    load_everything()


def when_ready(server: Any) -> None:
    """Let SIGTERM begin with WEB_DRAIN_SECONDS in which all is served and `/readyz` is 503."""
    stop = server.handle_term

    def drain_and_stop() -> None:
        draining.begin()
        time.sleep(options.WEB_DRAIN_SECONDS)
        stop()

    server.handle_term = drain_and_stop


def child_exit(server: Any, worker: Any) -> None:
    """Count on a process no more that has ended; killed ones could not say so themselves."""
    shares.forget(worker.age)


def post_worker_init(worker: Any) -> None:
    """Connect before the first request, which so waits for nothing; the embedded server knows its user from now on.

    The watch over the supervisor is kept here, for a thread in the process that forks the workers is out of place.
    """
    from django.db import DatabaseError, connection  # noqa: PLC0415  # settings are not loaded when this file is

    end_with_supervisor(worker.ppid)
    share_interpreter()
    with suppress(DatabaseError):  # the request that needs it says so
        connection.ensure_connection()
    connection.close()
