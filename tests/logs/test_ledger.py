"""Whatever is killed with -9 while clients send: every acknowledged log is there, once."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import psutil
import pytest
import requests

from tests.support.installation import Installation, kill, stop
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.xdist_group("installation")]
CLIENTS = 4
BATCH = 20
SECONDS = 10  # of killing
ENOUGH = 5  # batches a client gets through, however slow the machine is
PATIENCE = 40  # seconds that a client repeats a batch for
_ALL_MESSAGES = (
    "from logs.models import LogEntry\nfor m in LogEntry.objects.values_list('message', flat=True): print(m)"
)


class Sender(threading.Thread):
    """A client as docs/send-logs.md asks for: it repeats a batch under its Idempotency-Key until it is acknowledged."""

    def __init__(self, name: str, url: str, key: str) -> None:
        super().__init__(name=name)
        self.url, self.key = f"{url}/api/v1/logs/ingest", key
        self.acknowledged: list[str] = []
        self.repeated = 0
        self.is_over = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.is_over.is_set():
            ids = [f"{self.name}-{number}-{i}" for i in range(BATCH)]
            if self._deliver(f"{self.name}-{number}", ids):
                self.acknowledged += ids
            number += 1

    def _deliver(self, idempotency_key: str, ids: list[str]) -> bool:
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            try:
                response = requests.post(
                    self.url,
                    json={"logs": [{"message": name} for name in ids]},
                    headers={"x-api-key": self.key, "Idempotency-Key": idempotency_key},
                    timeout=20,
                )
            except requests.RequestException:
                response = None
            if response is not None and response.status_code == 200:
                assert response.json() == {"data": {"accepted": len(ids)}}
                return True
            assert response is None or response.status_code == 503, response.text
            self.repeated += 1
            time.sleep(0.1)
        return False


def test_every_acknowledged_log_is_there_once(installation: Installation) -> None:
    web, worker = installation.start_web(), installation.start_worker()
    try:
        key = installation.make_key()
        senders = [Sender(f"sender{n}", installation.url, key) for n in range(CLIENTS)]
        for sender in senders:
            sender.start()

        killed: Counter[str] = Counter()
        chance = random.Random()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.2, 0.8))
            victim = (
                ["web", "postgres", "worker"][killed.total()]
                if killed.total() < 3
                else chance.choice(["web", "postgres"])
            )
            killed[victim] += 1
            if victim == "web":
                chance.choice(psutil.Process(web.pid).children()).kill()
            elif victim == "postgres":
                if server := installation.postgres():
                    server.kill()
            else:
                kill(worker)
                worker = installation.start_worker()
        wait_until(lambda: all(len(sender.acknowledged) >= ENOUGH * BATCH for sender in senders), PATIENCE)
        for sender in senders:
            sender.is_over.set()
            sender.join()

        acknowledged = [name for sender in senders for name in sender.acknowledged]
        stored = Counter(installation.command("shell", "--no-imports", "--command", _ALL_MESSAGES).split())
        assert sum(sender.repeated for sender in senders) > 0
        assert {name: stored[name] for name in acknowledged if stored[name] != 1} == {}
        sent = {name for name in stored if name.startswith("sender")}
        assert sent == set(acknowledged)  # each sender repeated until it was acknowledged
    finally:  # or those who share the installation meet them
        stop(web)
        kill(worker)
