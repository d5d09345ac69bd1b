"""Sends Python's logging to PulseOps. Save it as pulseops_logging.py and try it: python pulseops_logging.py

In your program: logging.getLogger().addHandler(PulseOpsHandler()), and extra={"user": 7} becomes searchable fields.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import queue
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

INGEST_URL = "https://pulseops.example/api/v1/logs/ingest"
API_KEY = "pol_YOUR_KEY"
LEVELS = ((logging.ERROR, "error"), (logging.WARNING, "warn"), (logging.INFO, "info"))
NOT_EXTRA = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class PulseOpsHandler(logging.Handler):
    """Queues records and posts them in batches from a thread, so that the program never waits for the network."""

    def __init__(self, url: str = INGEST_URL, key: str = API_KEY, capacity: int = 10_000, batch: int = 500) -> None:
        super().__init__()
        self.url, self.key, self.capacity, self.batch = url, key, capacity, batch
        self._start()

    def _start(self) -> None:
        self.pid, self.dropped = os.getpid(), 0
        self.queue: queue.Queue[bytes | None] = queue.Queue(self.capacity)
        threading.Thread(target=self._run, name="pulseops", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self.pid != os.getpid():  # a forked child has neither the thread nor what it was to send
                self._start()
            self.queue.put_nowait(self._encoded(record))
        except queue.Full:
            self.dropped += 1
        except Exception:
            self.handleError(record)

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until all is sent, at most `timeout` seconds; logging does so by itself when the program ends."""
        if self.pid != os.getpid():
            return
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(None)  # ends the batch that is being gathered
        with self.queue.all_tasks_done:
            if not self.queue.all_tasks_done.wait_for(lambda: not self.queue.unfinished_tasks, timeout):
                sys.stderr.write(f"PulseOps did not take all logs within {timeout} s\n")

    def _encoded(self, record: logging.LogRecord) -> bytes:
        meta = {name: value for name, value in vars(record).items() if name not in NOT_EXTRA}
        entry: dict[str, object] = {name: str(meta.pop(name)) for name in ("trace_id", "request_id") if name in meta}
        if record.exc_info:
            meta["exception"] = logging.Formatter().formatException(record.exc_info)
        entry["timestamp"] = int(record.created * 1_000_000)  # microseconds
        entry["level"] = next((name for least, name in LEVELS if record.levelno >= least), "debug")
        entry["message"] = record.getMessage()[:60_000] or "(empty)"
        entry["meta"] = {"logger": record.name, **meta}
        try:
            return json.dumps(entry, default=str, allow_nan=False).encode()
        except (TypeError, ValueError):  # not a number, a circle, or keys that are no text
            entry["meta"] = {"logger": record.name, **{str(name): repr(value) for name, value in meta.items()}}
            return json.dumps(entry).encode()

    def _run(self) -> None:
        while True:
            taken, lines = self._gather()
            if lines:
                self._post(lines)
            if self.dropped:
                sys.stderr.write(f"PulseOps: {self.dropped} logs were dropped, the queue was full\n")
                self.dropped = 0
            for _ in range(taken):
                self.queue.task_done()

    def _gather(self) -> tuple[int, list[bytes]]:
        """Wait for a record, then for more: a second long, or until the batch is full."""
        line, lines, size, taken = self.queue.get(), [], 0, 1
        deadline = time.monotonic() + 1
        while line is not None:
            lines.append(line)
            size += len(line)
            if len(lines) >= self.batch or size > 1_000_000:
                break
            try:
                line = self.queue.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                break
            taken += 1
        return taken, lines

    def _post(self, lines: list[bytes]) -> None:
        headers = {
            "x-api-key": self.key,
            "content-type": "application/json",
            "prefer": "handling=lenient",  # one bad record must not cost the others
            "idempotency-key": uuid.uuid4().hex,  # a batch that is sent again is stored once
        }
        request = urllib.request.Request(self.url, b'{"logs":[%s]}' % b",".join(lines), headers)
        problem = ""
        for attempt in range(6):
            wait = float(2**attempt)
            try:
                with urllib.request.urlopen(request, timeout=10):
                    return
            except urllib.error.HTTPError as error:
                problem = f"{error.code} {error.read(300).decode(errors='replace')}"
                if error.code < 500 and error.code not in (408, 429):
                    break
                after = error.headers.get("retry-after", "")
                wait = min(float(after), 60) if after.isascii() and after.isdecimal() else wait
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            time.sleep(wait)
        sys.stderr.write(f"PulseOps did not take {len(lines)} logs: {problem}\n")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, handlers=[PulseOpsHandler(), logging.StreamHandler()])
    logging.getLogger("example").info("Hello from Python", extra={"user": "ada"})
