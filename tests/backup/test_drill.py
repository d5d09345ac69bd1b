"""The drill: back up under load, lose the machine, restore elsewhere; everything up to the snapshot is there."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import requests

from tests.support.installation import ROOT, Installation, stop
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("installation")]

_FILL = """
from accounts.models import User; from services.models import ApiKey; from notifications.models import Channel
from pulseops.core.config.encryption import encrypt
org = ApiKey.objects.order_by("-created_at").first().org
User.objects.create_user("owner-drill@example.com", "correct horse battery")
Channel.objects.create(org=org, name="drill", type="slack",
    config_json={"url": encrypt("webhook addresses", "https://hooks.example.com/drill")})
"""
_LOOK = """
import json
from django.contrib.auth import authenticate; from django.test import Client
from logs.models import LogEntry; from notifications.models import Channel
from pulseops.core.config.encryption import decrypt
from pulseops.core.secret_check import foreign_secrets, stored_values
sent = Client().post("/api/v1/logs/ingest", {{"logs": [{{"message": "after"}}]}}, "application/json",
    headers={{"x-api-key": "{key}"}})
channel = Channel.objects.get(name="drill")
print(json.dumps({{
    "key": sent.status_code,
    "sign_in": authenticate(username="owner-drill@example.com", password="correct horse battery") is not None,
    "channel": decrypt("webhook addresses", channel.config_json["url"]),
    "foreign": list(foreign_secrets(stored_values())),
    "logs": list(LogEntry.objects.filter(message__startswith="drill").values_list("message", flat=True)),
}}))
"""


class Sender(threading.Thread):
    """Sends logs one after the other and remembers which were acknowledged."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__()
        self.url, self.key = f"{url}/api/v1/logs/ingest", key
        self.acknowledged: list[str] = []
        self.is_over = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.is_over.wait(0.02):
            number += 1
            body = {"logs": [{"message": f"drill {number}"}]}
            if requests.post(self.url, json=body, headers={"x-api-key": self.key}, timeout=60).ok:
                self.acknowledged.append(f"drill {number}")


def test_back_up_under_load_and_restore_elsewhere(installation: Installation, tmp_path: Path) -> None:
    key, backup = installation.make_key(), tmp_path / "drill.pulseops"
    installation.command("shell", "--no-imports", "--command", _FILL)
    web = installation.start_web()
    sender = Sender(installation.url, key)
    sender.start()
    try:
        wait_until(lambda: len(sender.acknowledged) >= 10 or not sender.is_alive())
        assert sender.is_alive()
        before = list(sender.acknowledged)
        installation.manage("backup", str(backup))
    finally:
        sender.is_over.set()
        sender.join()
        stop(web)
    assert backup.stat().st_mode & 0o077 == 0
    assert "is good" in installation.manage("backup", "--verify", str(backup))

    with tempfile.TemporaryDirectory(prefix="pulseops-elsewhere-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        elsewhere = installation.twin({**installation.environment, "PULSEOPS_DATA_DIR": f"{directory}/data"})
        try:
            assert "Restored: " in elsewhere.manage("restore", str(backup))
            assert "--replace" in refused(elsewhere, "restore", str(backup))
            look = elsewhere.manage("shell", "--no-imports", "--command", _LOOK.format(key=key))
            found = json.loads(look.splitlines()[-1])
        finally:
            elsewhere.manage("postgres", "stop")
    assert found["key"] == 200
    assert found["sign_in"]
    assert found["channel"] == "https://hooks.example.com/drill"
    assert found["foreign"] == []
    assert set(before) <= set(found["logs"]) <= set(sender.acknowledged)
    assert len(found["logs"]) == len(set(found["logs"]))


def refused(installation: Installation, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=installation.environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    return done.stderr
