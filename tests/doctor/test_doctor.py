"""manage.py doctor: each thing that can be wrong is made wrong, and is named with a way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.management import call_command
from django.db import DataError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from logs.models import LogCount
from notifications.models import Channel
from pulseops.core.config.encryption import encrypt
from pulseops.core.models import CronRun, Heartbeat
from pulseops.core.web.health import EVALUATION, beat
from pulseops.doctor import checkup, database, processes, surroundings
from pulseops.doctor.findings import Finding, Level
from tests.support import receivers
from tests.support.factories import make_log, make_service

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


def only(examination: Callable[[], Any], level: Level) -> Finding:
    """Return the one finding of `level` or worse."""
    (found,) = [each for each in examination() if each.level >= level]
    return found


@pytest.fixture
def healthy(settings: Any) -> None:
    for name in ("worker", "loop"):
        beat(name)
    settings.PUBLIC_URL = "http://localhost:1"


def run(*arguments: str) -> tuple[int, str]:
    output = StringIO()
    try:
        call_command("doctor", *arguments, stdout=output, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    return 0, output.getvalue()


def test_the_command_prints_all_and_its_code_is_the_worst(healthy: None) -> None:
    code, output = run()
    assert code == Level.WARNING  # the address of tests is answered by nothing
    assert "Problem" not in output
    for subject in (
        "Settings",
        "Database",
        "Migrations",
        "Clock",
        "Worker",
        "Dispatcher",
        "Jobs",
        "Channels",
        "Disk",
        "Mail",
        "Orphans",
        "Outgoing",
    ):
        assert f" {subject} " in output
    assert "Public address" in run("--quiet")[1]
    assert "Clock" not in run("--quiet")[1]
    Heartbeat.objects.all().delete()
    assert run()[0] == Level.PROBLEM


def test_a_database_that_is_away_is_one_problem(monkeypatch: pytest.MonkeyPatch, healthy: None) -> None:
    problem = Finding(Level.PROBLEM, database.SUBJECT, "It does not answer.")
    monkeypatch.setattr(checkup, "_ALWAYS", [lambda: iter([problem])])
    monkeypatch.setattr(checkup, "_WITH_DATABASE", [lambda: pytest.fail("it was asked")])
    assert [each for each in checkup.examine() if each.level is Level.PROBLEM] == [problem]


def test_a_failing_examination_leaves_the_others(monkeypatch: pytest.MonkeyPatch, healthy: None) -> None:
    def broken_sight() -> Any:
        raise DataError("division by zero")

    monkeypatch.setattr(checkup, "_WITH_DATABASE", [broken_sight, database.clock])
    found = {each.subject: each for each in checkup.examine()}
    assert found["Broken sight"].text == "The database refused to say: division by zero"
    assert found["Clock"].level is Level.OK


def test_pending_migrations() -> None:
    MigrationRecorder.Migration.objects.filter(app="alerts").order_by("-name").first().delete()  # type: ignore[union-attr]
    assert only(database.migrations, Level.PROBLEM).text.startswith("1 pending: alerts.")


@pytest.mark.parametrize(("seconds", "level"), [(1, Level.OK), (30, Level.WARNING), (3600, Level.PROBLEM)])
@pytest.mark.parametrize("sign", [1, -1])
def test_clocks_that_differ(seconds: int, sign: int, level: Level) -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=sign * seconds)):
        (found,) = database.clock()
    assert found.level is level


@pytest.mark.django_db(transaction=True)
def test_an_index_that_is_not_finished() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE doctor_try AS SELECT 0 AS n")
        with pytest.raises(DataError):
            cursor.execute("CREATE INDEX CONCURRENTLY doctor_try_idx ON doctor_try ((1 / n))")
        try:
            assert "doctor_try_idx" in only(database.broken_indexes, Level.WARNING).text
        finally:
            cursor.execute("DROP TABLE doctor_try")


def test_processes(healthy: None) -> None:
    assert not [each for each in processes.background() if each.level]
    beat(EVALUATION, at=timezone.now() - timedelta(minutes=5))
    assert only(processes.background, Level.WARNING).subject == "Alert rules"
    Heartbeat.objects.filter(name="loop").update(beat_at=timezone.now() - timedelta(hours=1))
    Heartbeat.objects.filter(name=EVALUATION).delete()
    assert only(processes.background, Level.WARNING).text == "Silent: last heard 1 h ago."


def test_a_job_that_fails() -> None:
    name = "check_log_counts"
    CronRun.objects.create(job_name=name, status="failure", meta_json={"error": "no room"})
    assert only(processes.jobs, Level.PROBLEM).text == f"{name} failed: no room."
    CronRun.objects.create(job_name=name, status="success")
    assert only(processes.jobs, Level.OK).level is Level.OK


def test_a_channel_that_cannot_be_reached(org: Org) -> None:
    Channel.objects.create(org=org, name="ops", type="slack", failures=5, config_json={})
    assert only(processes.channels, Level.WARNING).text == "Acme: ops cannot be reached."


def test_hosts_that_messages_go_to(org: Org, settings: Any) -> None:
    assert "No channel is on" in only(surroundings.outgoing, Level.OK).text
    address = {"url": encrypt("webhook addresses", "https://127.0.0.1:1/hook")}
    Channel.objects.create(org=org, name="ops", type="slack", config_json=address)
    Channel.objects.create(org=org, name="off", type="slack", config_json=address, enabled=False)
    Channel.objects.update(receiver="127.0.0.1")
    assert (
        "127.0.0.1 leads to 127.0.0.1, which is not a public address."
        in only(surroundings.outgoing, Level.WARNING).text
    )
    with receivers.receiver() as receiver:
        settings.OUTGOING_PRIVATE_HOSTS, settings.OIDC_ISSUER = ["127.0.0.1"], receiver.url
        assert only(surroundings.outgoing, Level.OK).text.startswith("1 host that we send to")


def test_logs_of_services_that_are_gone(org: Org) -> None:
    log = make_log(make_service(org, "api"))
    assert only(database.orphaned_logs, Level.OK).text == "Every log is of a service that exists."
    LogCount.objects.update(environment_id=uuid4())
    assert only(database.orphaned_logs, Level.WARNING).text.endswith(": 1.")
    LogCount.objects.update(environment_id=log.environment_id)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE logs_of_nobody (id bigint)")
    assert "logs_of_nobody" in only(database.orphaned_logs, Level.WARNING).text


def test_mail_that_no_one_takes(settings: Any) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert "Connection refused" in only(surroundings.mail, Level.PROBLEM).text


def test_a_redis_that_is_away(settings: Any) -> None:
    assert list(surroundings.redis_server()) == []
    settings.REDIS_URL = "redis://:pass-word@127.0.0.1:1/0"
    text = only(surroundings.redis_server, Level.PROBLEM).text
    assert "Connection refused" in text
    assert "pass-word" not in text


def test_a_directory_for_backups_that_cannot_be_written(settings: Any, tmp_path: Path) -> None:
    settings.BACKUP_DIR = ""
    assert list(surroundings.backup_directory()) == []
    settings.BACKUP_DIR = str(tmp_path / "not there" / "yet")
    only(surroundings.backup_directory, Level.OK)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    settings.BACKUP_DIR = str(tmp_path / "file" / "backups")
    assert "Not a directory" in only(surroundings.backup_directory, Level.PROBLEM).text


def test_another_program_at_the_public_address(settings: Any) -> None:
    with receivers.receiver() as receiver:
        settings.PUBLIC_URL = receiver.url
        assert "not as PulseOps does" in only(surroundings.public_url, Level.WARNING).text


def test_https_without_an_answer(settings: Any) -> None:
    settings.PUBLIC_URL, settings.TRUSTED_PROXIES = "https://127.0.0.1:1", 0
    subjects = [each.subject for each in surroundings.public_url() if each.level]
    assert subjects == ["Certificate", "Proxies", "Public address"]


def test_the_page_is_the_operators(admin: User, client_for: SignIn, healthy: None) -> None:
    client = client_for(admin)
    assert client.get("/settings/diagnostics/doctor").status_code == 403
    assert "Doctor" not in client.get("/settings/diagnostics").text
    User.objects.filter(pk=admin.pk).update(is_superuser=True)
    page = client.get("/settings/diagnostics/doctor").text
    assert "The database is on another server" in page or "GiB are free" in page
    assert "Start the web server" in page
    assert "/settings/diagnostics/doctor" in client.get("/settings/diagnostics").text


def test_nothing_secret_is_printed(healthy: None, settings: Any) -> None:
    output = run()[1]
    assert settings.SECRET_KEY not in json.dumps(output).split()


@pytest.mark.django_db
def test_workers_of_a_cluster_that_do_not_answer_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "distributed_tables", lambda: frozenset({"logs"}))
    monkeypatch.setattr(database, "silent_workers", lambda: ["worker2.internal:5432"])
    assert "worker2.internal:5432" in only(database.workers, Level.PROBLEM).text
    monkeypatch.setattr(database, "silent_workers", list)
    assert only(database.workers, Level.OK).text == "All answer."
