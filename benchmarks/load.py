"""Clients that cost little: raw HTTP over kept-alive connections, one process, answers counted as they come."""

from __future__ import annotations

import gzip
import json
import random
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf

WORDS = [
    "request", "order", "payment", "accepted", "timeout", "user", "cache", "miss", "retry", "database", "slow", "queue",
    "worker", "finished", "started", "upstream", "connection", "closed", "invoice", "mail", "sent", "token", "expired",
]  # fmt: skip


def make_logs(count: int, seed: int) -> list[dict[str, object]]:
    """Make logs of about 250 bytes of JSON each: a path, ids that never come again, a few fields, a trace."""
    chance = random.Random(seed)
    now = datetime.now(UTC).isoformat()
    logs = []
    for _ in range(count):
        words = " ".join(chance.choices(WORDS, k=5))
        trace = f"{chance.getrandbits(64):016x}"
        logs.append(
            {
                "timestamp": now,
                "level": chance.choices(["info", "debug", "warn", "error"], [80, 12, 5, 3])[0],
                "message": f"GET /api/orders/{chance.randrange(10**7)} {words}",
                "meta": {"status": chance.choice([200, 201, 404, 500]), "ms": chance.randrange(2000), "host": "web-1"},
                "trace_id": trace,
            }
        )
    return logs


def batches_of(logs: int) -> int:
    """Return how many different batches of `logs` logs are made: 20,000 logs in all, so that words and ids vary."""
    return max(1, 20_000 // logs) if logs > 1 else 2_000


def make_requests(key: str, logs: int, *, packed: bool) -> list[bytes]:
    """Make whole HTTP requests of `logs` logs each, to be sent again and again."""
    requests = []
    for seed in range(batches_of(logs)):
        body = json.dumps({"logs": make_logs(logs, seed)}).encode()
        headers = ["POST /api/v1/logs/ingest HTTP/1.1", "Host: 127.0.0.1", f"x-api-key: {key}"]
        headers.append("Content-Type: application/json")
        if packed:
            body = gzip.compress(body, 1)
            headers.append("Content-Encoding: gzip")
        head = "\r\n".join([*headers, f"Content-Length: {len(body)}", "", ""]).encode()
        requests.append(head + body)
    return requests


@dataclass(slots=True)
class Load:
    """What came of a load: how many answers in how many seconds, how long each took (seconds), and what went wrong."""

    seconds: float
    answers: int
    waits: list[float] = field(default_factory=list)
    failures: list[bytes] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Return the wait in milliseconds that `share` of the answers did not exceed."""
        waits = sorted(self.waits)
        return waits[min(len(waits) - 1, int(len(waits) * share))] * 1000 if waits else 0.0


@dataclass(slots=True)
class _Client:
    peer: socket.socket
    sent_at: float = 0.0
    request: bytes = b""  # empty while it waits for nothing
    left: memoryview = field(default_factory=lambda: memoryview(b""))
    answer: bytes = b""


def run_load(port: int, requests: Sequence[bytes], *, clients: int, seconds: float, rate: float = inf) -> Load:
    """Let `clients` connections send for `seconds`, at `rate` requests a second or without a pause.

    Waits for all answers. At a rate, a request's wait counts from when it was due: one slow answer is not hidden by
    others that it delays.
    """
    loop = selectors.DefaultSelector()
    idle = deque(_connect(loop, port) for _ in range(clients))
    load, number, started = Load(0, 0), 0, time.perf_counter()
    until = started + seconds
    while len(idle) < clients or time.perf_counter() < until:
        now = time.perf_counter()
        while idle and now < until and (due := started + number / rate) <= now:
            client = idle.popleft()
            client.sent_at = due if rate < inf else now
            client.request = requests[number % len(requests)]
            client.left = memoryview(client.request)
            _push(loop, client)
            number += 1
        for key, events in loop.select(min(0.05, max(0.0, started + number / rate - now)) if idle else 1):
            client = key.data
            if events & selectors.EVENT_WRITE:
                _push(loop, client)
            if events & selectors.EVENT_READ and _answered(loop, port, client):
                _note(load, client)
                idle.append(client)
    load.seconds = time.perf_counter() - started
    for client in idle:
        client.peer.close()
    return load


def _connect(loop: selectors.BaseSelector, port: int) -> _Client:
    client = _Client(_reach(port))
    loop.register(client.peer, selectors.EVENT_READ, client)
    return client


def _reach(port: int) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setblocking(False)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def _note(load: Load, client: _Client) -> None:
    load.waits.append(time.perf_counter() - client.sent_at)
    load.answers += 1
    if not client.answer.startswith(b"HTTP/1.1 200"):
        load.failures.append(client.answer)
    client.answer = client.request = b""


def _push(loop: selectors.BaseSelector, client: _Client) -> None:
    with suppress(BlockingIOError, ConnectionError):  # that it is closed, the reader finds
        client.left = client.left[client.peer.send(client.left) :]
    events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.left else 0)
    if loop.get_key(client.peer).events != events:
        loop.modify(client.peer, events, client)


def _answered(loop: selectors.BaseSelector, port: int, client: _Client) -> bool:
    """Return whether the whole answer is there. A closed connection is made anew, as a shipper would."""
    received = b""
    with suppress(ConnectionError):
        received = client.peer.recv(65536)
    if not received:
        loop.unregister(client.peer)
        client.peer.close()
        client.peer, client.answer, client.left = _reach(port), b"", memoryview(client.request)
        loop.register(client.peer, selectors.EVENT_READ, client)
        if client.request:
            _push(loop, client)
        return False
    client.answer += received
    head, end, body = client.answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(body) >= int(length.split(b":")[1])
