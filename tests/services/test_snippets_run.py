"""Each snippet is saved under its name, run as it stands against the running product, and its log is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from logs.models import LogEntry
from services.models import ApiKey, Service
from services.snippets import PLACEHOLDER, Snippet, filled_snippets
from tests.factories import make_key, make_org, make_service

COMMANDS = {"curl": ["sh"], "Python": [sys.executable, "-W", "error"], "Node": [shutil.which("node") or ""]}


def snippet(label: str, key: str = PLACEHOLDER) -> Snippet:
    return next(each for each in filled_snippets(key) if each.label == label)


def run(found: Snippet, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / found.filename).write_text(found.code, encoding="utf-8")
    command = [*COMMANDS[found.label], found.filename]
    bare = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("label", COMMANDS)
def test_runs_as_it_stands(label: str, live_server: LiveServer, settings: Settings, tmp_path: Path) -> None:
    if not shutil.which(COMMANDS[label][0] or "node") or (label == "curl" and not shutil.which("curl")):
        pytest.skip(f"{label} is not on this machine")
    settings.PUBLIC_URL = live_server.url
    service: Service = make_service(make_org(), "api", environments=("production",))
    done = run(snippet(label, make_key(service.environments.get())), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "did not take" not in done.stderr
    stored = LogEntry.objects.get()
    assert (stored.message, stored.level, stored.service) == (f"Hello from {label}", "info", service)
    assert stored.meta_json["user"] == "ada"
    assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.parametrize("label", COMMANDS)
def test_says_this_installations_address_and_the_key(label: str, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://logs.acme.test"
    code = snippet(label, "pol_" + "a" * 64).code
    assert "https://logs.acme.test/api/v1/logs/ingest" in code
    assert "pol_" + "a" * 64 in code
    assert "example/" not in code
    assert PLACEHOLDER not in code
