"""The data set, served by gunicorn as `make run` does."""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.dataset import BIG
from benchmarks.webhooks import ROOT, wait_until_it_answers


@contextmanager
def web() -> Iterator[tuple[int, str]]:
    """Run gunicorn on the data set; give its port, and an API key of the biggest organisation's without a limit."""
    from django.core.management import call_command

    from services.models import Environment
    from tests.support.factories import make_key
    from tests.support.installation import free_port, stop

    call_command("collectstatic", interactive=False, verbosity=0)
    port = free_port()
    environment = Environment.objects.get(name="production", service__name="api", service__org__name=BIG)
    key = make_key(environment, rate_per_minute=10_000_000)
    command = [sys.executable, "-m", "gunicorn", "--config", "python:pulseops.server.gunicorn", "pulseops.wsgi"]
    settings = {**os.environ, "PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    settings["INGEST_BYTES_PER_MINUTE"] = str(10**12)
    process = subprocess.Popen(command, cwd=ROOT, env=settings, start_new_session=True)
    try:
        wait_until_it_answers(port)
        yield port, key
    finally:
        stop(process)
