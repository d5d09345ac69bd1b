"""Sealing that is killed at any of its steps."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Org
from logs.models import LogEntry
from logs.storage import rollup
from logs.storage.blocks.seal import seal
from logs.storage.partitions import make_days
from tests.logs.sealed_logs import NOW, everything, write
from tests.support.databases import ROOT
from tests.support.factories import make_service

DAY = timedelta(days=1)


KILLED = """
import os, signal, sys, django
django.setup()
from datetime import datetime
from django.db import connection
from logs.storage.blocks import seal as sealing
connection.settings_dict["NAME"] = sys.argv[1]
now = datetime.fromisoformat(sys.argv[2])

def die(*args, **options):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(function):
    return lambda *args, **options: (function(*args, **options), die())

sealing._SHARE = 1.0
steps = {
    "before": lambda: setattr(sealing, "read_oldest", die),
    "read": lambda: setattr(sealing, "read_oldest", die_after(sealing.read_oldest)),
    "merged": lambda: setattr(sealing, "_with_neighbour", die_after(sealing._with_neighbour)),
    "stored": lambda: setattr(sealing, "insert_block", die_after(sealing.insert_block)),
    "deleted": lambda: setattr(sealing, "delete_oldest", die_after(sealing.delete_oldest)),
    "committed": lambda: setattr(sealing, "seal_oldest", die_after(sealing.seal_oldest)),
    "dropped": lambda: setattr(sealing, "drop_if_empty", die),
}
for name in sys.argv[3:]:
    child = os.fork()
    if not child:
        steps[name]()
        sealing.seal(now, seconds=60)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(name, os.WTERMSIG(status) if os.WIFSIGNALED(status) else "ended", flush=True)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("seals_at_once", "days_of_march")
def test_kill_9_at_any_step_loses_and_doubles_nothing(org: Org) -> None:
    service = make_service(org, "api")
    write(service, [9 * DAY])
    seal(NOW, seconds=60)  # the small block that others are put to
    make_days(NOW - 4 * DAY, NOW - 3 * DAY)  # one for each time that a run is killed once it has committed
    write(service, [3 * DAY + timedelta(seconds=number) for number in range(30)], message="again")
    write(make_service(org, "worker"), [4 * DAY] * 5)
    before = everything(org)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    steps = ["before", "read", "merged", "stored", "deleted", "committed", "committed", "dropped"]
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(connection.settings_dict["NAME"]), NOW.isoformat(), *steps],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    assert process.stdout.split() == [word for step in steps for word in (step, "9")], process.stderr
    assert everything(org) == before
    seal(NOW, seconds=60)
    assert not LogEntry.objects.exists()
    assert everything(org) == before
    assert rollup.repair(org_id=org.pk).wrong_minutes == 0
