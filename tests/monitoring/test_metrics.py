"""/metrics: who may ask, what is counted, and that dashboard and rules ask for what there is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import OperationalError, connection
from django.test import Client
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from accounts.models import Org
from alerts.evaluate import evaluate
from notifications.models import Channel
from pulseops.core import metrics
from pulseops.core.ingest_counts import IngestCounts
from pulseops.core.models import CronRun
from pulseops.core.web.health import beat
from pulseops.monitoring import figures
from tests.support.factories import make_key, make_service
from tests.support.installation import Installation
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"\bpulseops_\w+")
LOCAL = {"HTTP_HOST": "localhost:8000", "REMOTE_ADDR": "127.0.0.1"}


def ask(**meta: str) -> Any:
    return Client().get("/metrics", **{**LOCAL, **meta})


def values() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample by its name and labels."""
    text = ask().text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.django_db
class TestWhoMayAsk:
    @pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000"])
    def test_this_machine(self, address: str, host: str) -> None:
        assert ask(REMOTE_ADDR=address, HTTP_HOST=host).status_code == 200

    @pytest.mark.parametrize(
        "meta",
        [
            {"REMOTE_ADDR": "192.0.2.1"},
            {"REMOTE_ADDR": ""},
            {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
            {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
            {"HTTP_X_REAL_IP": "127.0.0.1"},
            {"HTTP_FORWARDED": "for=127.0.0.1"},
            {"HTTP_VIA": "1.1 proxy"},
            {"HTTP_HOST": "pulseops.example.com"},
            {"HTTP_HOST": "localhost.example.com"},
            {"HTTP_HOST": ""},
            {"HTTP_AUTHORIZATION": "Bearer "},
        ],
    )
    def test_no_one_else(self, meta: dict[str, str]) -> None:
        response = ask(**meta)
        if meta == {"HTTP_AUTHORIZATION": "Bearer "}:
            assert response.status_code == 200  # an empty token is none
            return
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"
        assert "pulseops_" not in response.text

    @pytest.mark.parametrize(("name", "value"), [("TRUSTED_PROXIES", 1), ("IS_HTTPS", True)])
    def test_a_proxy_of_this_machine_is_not_this_machine(self, settings: Settings, name: str, value: Any) -> None:
        setattr(settings, name, value)
        assert ask().status_code == 401

    def test_who_has_the_token_from_anywhere(self, settings: Settings) -> None:
        settings.METRICS_TOKEN, settings.TRUSTED_PROXIES = "sesame-open", 1
        elsewhere = {"REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "pulseops.example.com"}
        assert ask(**elsewhere, HTTP_AUTHORIZATION="Bearer sesame-open").status_code == 200
        for wrong in ("Bearer sesame", "sesame-open", "Basic sesame-open", "Bearer sesame-öpen", ""):
            assert ask(HTTP_AUTHORIZATION=wrong).status_code == 401

    def test_other_methods(self) -> None:
        assert Client().post("/metrics", **LOCAL).status_code == 405


@pytest.fixture
def busy(org: Org) -> str:
    """Something of everything that is counted has happened; returns the organisation's id."""
    environment = make_service(org, "api").environments.get(name="production")
    key = make_key(environment)
    send(key, {"logs": [{"message": "a"}, {"message": "b"}]})
    send(key, b"no json")
    send("pol_" + "0" * 64, {"logs": [{"message": "a"}]})
    Client().get("/signin/", follow=True)
    Client().get("/logs")
    evaluate()
    metrics.MESSAGES.labels("slack", "sent").inc()
    Channel.objects.create(org=org, name="ops", type="slack", config_json={})
    CronRun.objects.create(job_name="check_log_counts", status="success", duration_ms=12)
    CronRun.objects.create(job_name="back_up", status="success", meta_json={"result": {"path": "/b", "bytes": 5}})
    beat("worker")
    return str(org.pk)


def send(key: str, body: Any) -> None:
    Client().post("/api/v1/logs/ingest", body, "application/json", headers={"x-api-key": key})


@pytest.mark.django_db
def test_what_happens_is_counted_and_names_no_organisation(busy: str) -> None:
    found = values()
    stored = ("pulseops_ingest_requests_total", (("protocol", "json"), ("reason", "stored"), ("status", "200")))
    before = found[stored]
    assert found["pulseops_ingest_logs_total", (("protocol", "json"),)] >= 2
    assert found["pulseops_ingest_bytes_total", (("protocol", "json"),)] > 0
    assert found["pulseops_ingest_seconds_count", (("protocol", "json"),)] >= 1
    for status, reason in (("400", "bad_request"), ("403", "forbidden")):
        key = ("pulseops_ingest_requests_total", (("protocol", "json"), ("reason", reason), ("status", status)))
        assert found[key] >= 1
    assert found["pulseops_job_last_duration_seconds", (("name", "check_log_counts"),)] == 0.012
    assert found["pulseops_heartbeat_age_seconds", (("process", "worker"),)] < 60
    assert found["pulseops_database_up", ()] == 1
    [((_, version),)] = [labels for name, labels in found if name == "pulseops_database_info"]
    major, _, minor = version.partition(".")
    assert int(major) * 10_000 + int(minor) == connection.cursor().connection.info.server_version
    assert busy not in ask().text
    assert values()[stored] == before  # to ask counts nothing


@pytest.mark.django_db
def test_without_a_database_the_rest_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise OperationalError("away")

    for name in ("heartbeats", "outbox_age", "table_sizes", "_sessions", "_storage"):
        monkeypatch.setattr(figures, name, away, raising=False)
    monkeypatch.setattr(figures, "job_figures", lambda _: away())
    monkeypatch.setattr(figures, "_answers", lambda: False)
    found = values()
    assert found["pulseops_database_up", ()] == 0
    assert "pulseops_queue_tasks" not in {name for name, _ in found}


@pytest.mark.django_db
def test_dashboard_and_rules_ask_for_what_there_is(busy: str) -> None:
    there = {sample for sample, _ in values()} | {"pulseops_disk_days_left"}  # only where the disk will be full
    there |= {"pulseops_disk_free_bytes", "pulseops_disk_total_bytes"}  # of an embedded database
    there |= {"pulseops_pool_connections"}  # of a web server
    board = json.loads((ROOT / "docs/grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = set(NAME.findall(" ".join(expressions)))
    assert named - there == set()
    rules = (ROOT / "docs/prometheus-rules.yml").read_text()
    in_rules = {name for line in rules.splitlines() if "expr:" in line for name in NAME.findall(line)}
    assert in_rules - there == set()
    shown = {re.sub(r"_(total|count|sum|bucket)$", "", name) for name in named | in_rules}
    bare = {re.sub(r"_(total|count|sum|bucket)$", "", name) for name in there if not name.endswith("_created")}
    assert bare - shown == set(), "no panel and no rule shows it"


@pytest.mark.django_db
@pytest.mark.skipif(not shutil.which("promtool"), reason="Debian's prometheus is not installed")
def test_prometheus_own_tool_finds_nothing_wrong(busy: str) -> None:
    rules = [str(ROOT / "docs/prometheus-rules.yml")]
    subprocess.run(["promtool", "check", "rules", *rules], check=True, stdout=subprocess.DEVNULL)
    said = subprocess.run(["promtool", "check", "metrics"], input=ask().content, capture_output=True, check=False)
    assert said.returncode == 0, said.stdout.decode() + said.stderr.decode()


class TestFilesOfProcesses:
    @pytest.fixture
    def directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        return tmp_path

    def write(self, path: Path, value: float) -> None:
        values = MmapedDict(str(path))
        values.write_value(mmap_key("pulseops_try", "pulseops_try_total", [], [], "Try."), value, 0.0)
        values.close()

    def total(self) -> float:
        with metrics.settled():
            (family,) = [each for each in metrics.registry().collect() if each.name == "pulseops_try"]
        return float(sum(sample.value for sample in family.samples))

    def test_processes_add_up(self, directory: Path) -> None:
        for pid in (os.getpid(), 1):
            self.write(directory / f"counter_{pid}.db", 2)
        assert self.total() == 4

    def test_those_that_have_ended_become_one_file_and_lose_nothing(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(metrics, "_is_running", lambda pid: pid == 10_000)
        monkeypatch.setattr(metrics, "_MOST_FILES", 9)
        for pid in range(10_000, 10_020):
            self.write(directory / f"counter_{pid}.db", 1)
        self.write(directory / "gauge_livesum_10001.db", 7)
        assert self.total() == 20
        assert {path.name for path in directory.glob("*.db")} == {"counter_0.db", "counter_10000.db"}
        assert self.total() == 20

    def test_a_directory_of_another_user_is_not_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from pulseops.core import metrics_directory  # noqa: PLC0415

        monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
        monkeypatch.setenv("PULSEOPS_PROCESS", "web")
        shared = tmp_path / "shared"
        shared.mkdir()
        shared.chmod(0o777)
        monkeypatch.setattr(metrics_directory, "_directory_of", lambda _: shared)
        metrics_directory.prepare(tmp_path)
        assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def stored(text: str) -> float:
    """Return how many requests with logs a text of metrics has counted."""
    match = re.search(r'pulseops_ingest_requests_total\{protocol="json",reason="stored",status="200"\} (\S+)', text)
    return float(match[1]) if match else 0.0


@pytest.mark.slow
@pytest.mark.xdist_group("installation")
def test_all_processes_of_a_server_count_together(installation: Installation) -> None:
    key = installation.make_key()
    web = installation.start_web()
    try:
        before = stored(requests.get(f"{installation.url}/metrics", timeout=30).text)  # others used it before
        for _ in range(20):
            body = {"logs": [{"message": "hello"}]}
            assert requests.post(f"{installation.url}/api/v1/logs/ingest", json=body, headers={"x-api-key": key}).ok

        def ask_it() -> str:
            return requests.get(f"{installation.url}/metrics", timeout=30).text

        wait_until(lambda: stored(ask_it()) == before + 20)  # each process adds up twice a second
        texts = [ask_it() for _ in range(4)]
    finally:
        web.terminate()
        web.wait(30)
    for text in texts:  # whichever process answers
        assert stored(text) == before + 20
    assert 'pulseops_pool_connections{state="idle"}' in texts[-1]


@pytest.mark.django_db
def test_what_is_stored_is_counted_as_it_happened_and_added_by_itself() -> None:
    counts = IngestCounts()
    before = values()
    for seconds in (0.001, 0.002, 0.003, 99.0):
        counts.note_answer("journald", 202, seconds)
    counts.note_batch("journald", logs=7, size=700, refused=2)
    names = {
        ("pulseops_ingest_requests_total", (("protocol", "journald"), ("reason", "stored"), ("status", "202"))): 4,
        ("pulseops_ingest_seconds_count", (("protocol", "journald"),)): 4,
        ("pulseops_ingest_seconds_bucket", (("le", "0.002"), ("protocol", "journald"))): 2,
        ("pulseops_ingest_seconds_bucket", (("le", "0.005"), ("protocol", "journald"))): 3,
        ("pulseops_ingest_seconds_bucket", (("le", "10.0"), ("protocol", "journald"))): 3,
        ("pulseops_ingest_seconds_sum", (("protocol", "journald"),)): 99.006,
        ("pulseops_ingest_logs_total", (("protocol", "journald"),)): 7,
        ("pulseops_ingest_bytes_total", (("protocol", "journald"),)): 700,
        ("pulseops_ingest_refused_logs_total", (("protocol", "journald"),)): 2,
    }

    def added() -> dict[Any, float]:
        found = values()
        return {name: round(found.get(name, 0) - before.get(name, 0), 3) for name in names}

    wait_until(lambda: added() == names)  # nobody asks for it
