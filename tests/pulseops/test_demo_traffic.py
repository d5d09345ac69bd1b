"""`manage.py demo --live`: the demo's services go on sending, the way that everybody's do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from accounts.models import Org, User
from logs.models import LogEntry
from pulseops.demo.fill import DEMO_EMAIL, DEMO_ORG, demo_keys, remember_demo
from pulseops.demo.script import Report, Script
from pulseops.demo.story import DEMO_SERVICES, Trouble
from pulseops.demo.traffic import Live, make_live
from services.actions import create_service
from services.key_actions import revoke_key
from services.models import ApiKey
from tests.support import workers
from tests.support.factories import make_log, make_org, make_user
from tests.support.installation import free_port
from tests.support.receivers import Receiver, answer, receiver
from tests.support.waiting import wait_until

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
KEYS = [(service, place, f"pol_{service}") for service in DEMO_SERVICES for place in ("production", "staging")]


@pytest.fixture
def sink() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def live_at(port: int) -> Live:
    return make_live(f"http://127.0.0.1:{port}", "pulse.example", KEYS, seed=5)


def minutes_of(live: Live, count: int) -> list[float]:
    """Let `count` minutes pass; returns the pauses."""
    now = datetime.now(UTC)
    return [live.step(now + timedelta(minutes=number + 1)) for number in range(count)]


def test_sends_what_services_log_with_their_own_keys(sink: Receiver) -> None:
    minutes_of(live_at(sink.port), 3)
    logs = [request for request in sink.received if request.path == "/api/v1/logs/ingest"]
    assert {request.headers["host"] for request in logs} == {"pulse.example"}
    assert {request.headers["x-api-key"] for request in logs} >= {"pol_web", "pol_api", "pol_checkout"}
    entries = [entry for request in logs for entry in request.json["logs"]]
    traces: dict[str, set[str]] = {}
    for request in logs:
        for entry in request.json["logs"]:
            traces.setdefault(entry["trace_id"], set()).add(request.headers["x-api-key"])
    assert max(map(len, traces.values())) >= 3
    assert 30 < len(entries) < 300


def test_reports_deployments(sink: Receiver) -> None:
    minutes_of(live_at(sink.port), 12)
    told = [request.json for request in sink.received if request.path == "/api/v1/deployments"]
    assert told[0]["status"] == "pending"
    assert {each["status"] for each in told if each["external_id"] == told[0]["external_id"]} == {"pending", "success"}


@pytest.mark.parametrize("status", [429, 503])
def test_waits_and_sends_the_same_again(sink: Receiver, status: int) -> None:
    sink.behaviour = answer(status, retry_after="7")
    live = live_at(sink.port)
    assert minutes_of(live, 1) == [7]
    (refused,) = sink.received
    sink.behaviour = answer()
    live.step(datetime.now(UTC) + timedelta(minutes=1))
    again = sink.received[1]
    assert again.headers["idempotency-key"] == refused.headers["idempotency-key"]
    assert again.body == refused.body


def test_survives_that_no_one_listens() -> None:
    pauses = minutes_of(live_at(free_port()), 6)
    assert pauses == [2, 4, 8, 16, 30, 30]


def test_a_refused_key_is_let_go_and_reported_once(sink: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    sink.behaviour = answer(403, b"revoked")
    live = live_at(sink.port)
    minutes_of(live, 8)
    used = [request.headers["x-api-key"] for request in sink.received]
    assert len(used) <= len(KEYS)
    assert "was refused: 403 revoked" in caplog.text
    assert "pol_" not in caplog.text


def test_a_bad_deployment_is_taken_back_and_its_errors_end() -> None:
    script = Script(Random(1), NOW)
    reports: list[Report] = []
    bad: list[datetime] = []
    for second in range(0, 3600, 10):
        at = NOW + timedelta(seconds=second)
        reports += script.reports_until(at)
        bad += [at] if script.trouble_at(at) is Trouble.PAYMENTS else []
    live = {each.message: each.at for each in reports if each.service == "checkout" and each.status == "success"}
    begins, ends = live["Retry captures in parallel"], live["Revert “Retry captures in parallel”"]
    assert NOW < begins < NOW + timedelta(minutes=6)
    assert timedelta(minutes=5) < ends - begins < timedelta(minutes=8)
    assert begins <= bad[0] < begins + timedelta(seconds=10)
    assert ends - timedelta(seconds=11) < bad[-1] < ends


@pytest.fixture
def demo(db: None) -> Org:
    """The organisation as the command looks for it, with one log of just now, so there is no gap to fill."""
    admin = make_user(DEMO_EMAIL)
    org = make_org(DEMO_ORG, admin=admin)
    for name in DEMO_SERVICES:
        create_service(actor=admin, org=org, name=name)
    make_log(org.services.get(name="web"))
    remember_demo(org)
    return org


@pytest.mark.django_db(transaction=True)
def test_the_command_sends_to_the_running_product_until_it_is_stopped(
    demo: Org, live_server: LiveServer, tmp_path: Path
) -> None:
    before = LogEntry.objects.count()
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "demo", "--live", "--url", live_server.url],
            cwd=workers.ROOT,
            env=workers.environment(PUBLIC_URL=live_server.url, LOG_FORMAT="json"),
            stdout=file,
            stderr=file,
        )
    try:
        wait_until(lambda: LogEntry.objects.count() > before or process.poll() is not None)
        call_command("demo", "--live", stdout=(second := StringIO()))
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(60)
    assert ended == 0, output.read_text()
    said = [json.loads(line)["message"] for line in output.read_text().splitlines()]
    assert said == ["the demo's traffic has started", "the demo's traffic has stopped"]
    assert "another process" in second.getvalue()
    assert ApiKey.objects.filter(last_used_at__isnull=False).exists()
    assert not any(key in output.read_text() for key in demo_keys(demo).values())


@pytest.mark.django_db
def test_keys_are_made_once_and_stay_revoked(demo: Org) -> None:
    keys = demo_keys(demo)
    assert len(keys) == ApiKey.objects.count() == 8
    actor = User.objects.get()
    revoke_key(actor=actor, key=ApiKey.objects.all()[0])
    assert demo_keys(demo) == keys
    assert ApiKey.objects.count() == 8
