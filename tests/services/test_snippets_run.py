"""Each snippet is saved under its name and run as it stands: its log arrives, and it knows what to send again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from logs.models import LogEntry
from services.models import ApiKey, Service
from services.snippets import PLACEHOLDER
from tests.services.languages import COMMANDS, is_here, need, run_as_it_stands, snippet
from tests.support.factories import make_key, make_org, make_service
from tests.support.receivers import Behaviour, Received, answer, receiver

each_language = pytest.mark.parametrize("label", COMMANDS)
pytestmark = pytest.mark.xdist_group("snippets")


@dataclass(frozen=True, slots=True)
class Try:
    """A run of a snippet against something in the place of PulseOps."""

    done: subprocess.CompletedProcess[str]
    received: list[Received]


def try_out(label: str, folder: Path, *answers: Behaviour) -> Try:
    """Run a snippet against a server that gives these answers, one after the other."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        answers[min(len(sink.received), len(answers)) - 1](handler)

    with receiver(behave) as sink:
        found = snippet(label)
        code = found.code.replace(settings.PUBLIC_URL, f"http://127.0.0.1:{sink.port}")
        done = run_as_it_stands(replace(found, code=code), folder)
        return Try(done, sink.received)


@pytest.fixture(scope="module")
def retries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Try]]]:
    """All languages at once: what they do is wait."""
    answers = (answer(503, retry_after="2"), answer(429, retry_after="1"), answer(200, b'{"data":{"accepted":1}}'))
    with ThreadPoolExecutor(len(COMMANDS)) as threads:
        yield {
            label: threads.submit(try_out, label, tmp_path_factory.mktemp(label), *answers)
            for label in COMMANDS
            if is_here(label)
        }


@each_language
@pytest.mark.django_db(transaction=True)
def test_its_log_arrives(label: str, live_server: LiveServer, settings: Settings, tmp_path: Path) -> None:
    need(label)
    settings.PUBLIC_URL = live_server.url
    service: Service = make_service(make_org(), "api", environments=("production",))
    done = run_as_it_stands(snippet(label, make_key(service.environments.get())), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "did not take" not in done.stderr
    stored = LogEntry.objects.get(message=f"Hello from {label}")
    assert (stored.level, stored.service) == ("info", service)
    assert stored.meta_json["user"] == "ada"
    assert ApiKey.objects.get().last_used_at is not None


@each_language
def test_sends_again_when_it_is_asked_to(label: str, retries: dict[str, Future[Try]]) -> None:
    """503 and 429, each after the wait that the server wishes, which is longer than the sender's own first one."""
    need(label)
    tried = retries[label].result()
    assert tried.done.returncode == 0, tried.done.stderr
    assert "did not take" not in tried.done.stderr
    first, second, third = tried.received
    assert second.at - first.at >= 1.95
    assert third.at - second.at >= 0.95
    assert first.body == second.body == third.body
    names = {request.headers.get("idempotency-key") for request in tried.received}
    assert len(names) == 1
    assert None not in names  # what is sent again is stored once


@each_language
def test_does_not_repeat_what_is_refused(label: str, tmp_path: Path) -> None:
    need(label)
    tried = try_out(label, tmp_path, answer(403, b'{"error":{"code":"FORBIDDEN"}}'))
    (request,) = tried.received
    assert "403" in tried.done.stderr
    assert "FORBIDDEN" in tried.done.stderr + tried.done.stdout
    assert request.headers["x-api-key"] == PLACEHOLDER
    assert request.json["logs"][0]["message"] == f"Hello from {label}"


@each_language
def test_says_this_installations_address_and_the_key(label: str, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://logs.acme.test"
    code = snippet(label, "pol_" + "a" * 64).code
    assert "https://logs.acme.test/api/v1/logs/ingest" in code
    assert "pol_" + "a" * 64 in code
    assert "example/" not in code
    assert PLACEHOLDER not in code
