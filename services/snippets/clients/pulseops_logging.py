"""Sends Python's logging to PulseOps. Save it as pulseops_logging.py and try it: python pulseops_logging.py

In your program: logging.getLogger().addHandler(PulseOpsHandler()), and extra={"user": 7} becomes searchable fields.
"""

from __future__ import annotations

import collections
import itertools
import json
import logging
import math
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping

INGEST_URL = "https://pulseops.example/api/v1/logs/ingest"
API_KEY = "pol_YOUR_KEY"
LEVELS = ((logging.ERROR, "error"), (logging.WARNING, "warn"), (logging.INFO, "info"))
NOT_EXTRA = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
DEPTH = 28  # of a field; what is nested deeper becomes text
"".encode("idna")  # imports what a child could not that is forked while a thread imports it


class PulseOpsHandler(logging.Handler):
    """Queues records and posts them in batches from a thread, so that the program never waits for the network.

    A batch is gathered for `interval` seconds, and sent again until it is taken, as long as the queue has room.
    The end of the program waits for its last logs, at most `patience` seconds.
    """

    first_wait, longest_wait = 1.0, 10.0  # seconds between attempts; each is twice as long as the one before

    def __init__(
        self,
        url: str = INGEST_URL,
        key: str = API_KEY,
        capacity: int = 10_000,
        batch: int = 500,
        interval: float = 1.0,
        patience: float = 70.0,
    ) -> None:
        super().__init__()
        self.url, self.key, self.capacity, self.batch = url, key, capacity, batch
        self.interval, self.patience, self.is_exit_hooked = interval, patience, False
        self._start()

    def _start(self) -> None:
        self.pid, self.is_hooked = os.getpid(), False
        self.lines: collections.deque[bytes] = collections.deque()
        self.added = self.done = self.dropped = self.flushing = 0
        self.changed = threading.Condition()
        threading.Thread(target=self._run, name="pulseops", daemon=True).start()

    def _hook(self) -> None:
        """Children of multiprocessing, celery and RQ end by os._exit, those of a pool by SIGTERM: flush before."""
        self.is_hooked, leave = True, os._exit

        def flush_and_leave(status: int) -> None:
            self.flush()
            leave(status)

        if not self.is_exit_hooked:  # which a forked child has from its parent
            self.is_exit_hooked, os._exit = True, flush_and_leave  # type: ignore[assignment]
        is_worker = multiprocessing.parent_process() and threading.current_thread() is threading.main_thread()
        if is_worker and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._flush_and_die)

    def _flush_and_die(self, number: int, _: object) -> None:
        self.flush()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self.pid != os.getpid():  # a forked child has neither the thread nor what it was to send
                self._start()
            if not self.is_hooked:
                self._hook()
            line = self._encoded(record)
            with self.changed:
                if len(self.lines) >= self.capacity:
                    self.dropped += 1
                    return
                self.lines.append(line)
                self.added += 1
                if len(self.lines) in (1, self.batch):
                    self.changed.notify_all()
        except Exception:
            self.handleError(record)

    def flush(self, timeout: float | None = None) -> None:
        """Send at once what waits, at most `timeout` seconds long; the end of the program does so by itself."""
        if self.pid != os.getpid():
            return
        timeout = self.patience if timeout is None else timeout
        with self.changed:
            goal = self.added
            self.flushing += 1
            self.changed.notify_all()
            is_done = self.changed.wait_for(lambda: self.done >= goal, timeout)
            self.flushing -= 1
        if not is_done:
            complain(f"did not take all logs within {timeout} s")

    def _encoded(self, record: logging.LogRecord) -> bytes:
        extra = {name: value for name, value in vars(record).items() if name not in NOT_EXTRA}
        entry: dict[str, object] = {
            "timestamp": int(record.created * 1_000_000),  # microseconds
            "level": next((name for least, name in LEVELS if record.levelno >= least), "debug"),
            "message": record.getMessage()[:60_000] or "(empty)",
        }
        for name in ("trace_id", "request_id"):
            value = extra.pop(name, None)
            if value is not None and value != "":
                entry[name] = text(value)[:200]
        if record.exc_info and record.exc_info[0]:
            extra["exception"] = logging.Formatter().formatException(record.exc_info)
        elif record.exc_text and not record.exc_info:
            extra["exception"] = record.exc_text
        if record.stack_info:
            extra["stack"] = record.stack_info
        entry["meta"] = plain({"logger": record.name, **extra}, [20_000])
        line = json.dumps(entry)
        if len(line) > 500_000 or line.count('":') > 900:  # more than a log may have
            entry["meta"] = {"logger": record.name, "fields": json.dumps(entry["meta"])[:60_000]}
            line = json.dumps(entry)
        return line.encode()

    def _run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.lines)
                self.changed.wait_for(lambda: len(self.lines) >= self.batch or self.flushing, self.interval)
                lines: list[bytes] = []
                size = 0
                while self.lines and len(lines) < self.batch and size < 1_000_000:
                    lines.append(self.lines.popleft())
                    size += len(lines[-1])
            self._post(lines)
            with self.changed:
                dropped, self.dropped = self.dropped, 0
                self.done += len(lines)
                self.changed.notify_all()
            if dropped:
                complain(f"{dropped} logs were dropped, the queue was full")

    def _post(self, lines: list[bytes]) -> None:
        headers = {
            "x-api-key": self.key,
            "content-type": "application/json",
            "prefer": "handling=lenient",  # one bad record must not cost the others
            "idempotency-key": uuid.uuid4().hex,  # a batch that is sent again is stored once
        }
        body = b'{"logs":[%s]}' % b",".join(lines)
        wait = self.first_wait
        for attempt in itertools.count(1):
            problem, is_final, asked = self._attempt(body, headers)
            if not problem:
                return
            if is_final or (attempt > 5 and len(self.lines) >= self.capacity):
                complain(f"did not take {len(lines)} logs: {problem}")
                return
            if attempt == 5:
                complain(f"cannot be reached, logs wait: {problem}")
            self._pause(asked, wait)
            wait = min(wait * 2, self.longest_wait)

    def _attempt(self, body: bytes, headers: dict[str, str]) -> tuple[str, bool, float]:
        """Return the problem ("" for none), whether it is final, and the seconds that the server asks to wait."""
        try:
            request = urllib.request.Request(self.url, body, headers)
            with urllib.request.urlopen(request, timeout=10) as response:
                answer = response.read(3_000).decode(errors="replace")
        except urllib.error.HTTPError as error:
            after = error.headers.get("retry-after", "")
            asked = min(float(after), 60) if after.isascii() and after.isdecimal() else 0
            problem = f"{error.code} {error.read(300).decode(errors='replace')}"
            return problem, error.code < 500 and error.code not in (408, 429), asked
        except Exception as error:
            return repr(error), False, 0
        if re.search(r'"rejected":\s*[1-9]', answer):
            complain(f"did not take all of a batch: {answer}")
        return "", False, 0

    def _pause(self, asked: float, seconds: float) -> None:
        """Wait as long as the server asked, or else `seconds`, which a flush cuts short."""
        with self.changed:
            is_cut = self.changed.wait_for(lambda: self.flushing and not asked, asked or seconds)
        if is_cut:
            time.sleep(0.5)


def plain(value: object, room: list[int], path: tuple[object, ...] = ()) -> object:
    """Return `value` as JSON has it, and as text what JSON has not; `room` is how many values it may have in it."""
    room[0] -= 1
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value if abs(value) < 10**300 else text(value)
    if isinstance(value, BaseException):
        return "".join(traceback.format_exception(type(value), value, value.__traceback__))
    if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return text(value)
    if any(value is each for each in path):
        return "[circular]"
    if room[0] < 0 or len(path) > 2 * DEPTH:
        return "…"
    if len(path) == DEPTH:
        return json.dumps(plain(value, room, (*path, None)))
    path = (*path, value)
    if isinstance(value, Mapping):
        members = itertools.islice(value.items(), room[0])
        return {text(name): plain(each, room, path) for name, each in members}
    return [plain(each, room, path) for each in itertools.islice(value, room[0])]


def text(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def complain(problem: str) -> None:
    sys.stderr.write(f"PulseOps {problem}\n")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, handlers=[PulseOpsHandler(), logging.StreamHandler()])
    logging.getLogger("example").info("Hello from Python", extra={"user": "ada"})
