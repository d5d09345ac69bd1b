"""The logging handler that people copy: it loses nothing it need not, and never holds up who logs."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from logging.handlers import QueueHandler
from pathlib import Path
from typing import Any

import pytest

from services.snippets.clients import pulseops_logging
from services.snippets.clients.pulseops_logging import PulseOpsHandler
from tests.services.snippet_sink import entries, refuse_the_first
from tests.support.receivers import Receiver, answer, hang, receiver
from tests.support.waiting import wait_until


@pytest.fixture
def sink() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.getLogger("shop.checkout")
    made.setLevel(1)
    made.propagate = False
    yield made
    for handler in list(made.handlers):
        made.removeHandler(handler)
        handler.close()
        handler.flush = lambda: None  # type: ignore[method-assign]  # or the end of the program waits for what hangs


def attach(logger: logging.Logger, sink: Receiver, **options: Any) -> PulseOpsHandler:
    handler = PulseOpsHandler(sink.url, "pol_test", **options)
    logger.addHandler(handler)
    return handler


def test_sends_what_a_record_says(logger: logging.Logger, sink: Receiver) -> None:
    handler = attach(logger, sink)
    before = time.time() - 0.001  # it is sent in whole microseconds
    logger.warning("Card %s refused", "4242", extra={"user": 7, "trace_id": "t1", "request_id": "r1"})
    handler.flush()
    (entry,) = entries(sink)
    assert before <= entry.pop("timestamp") / 1_000_000 <= time.time()
    assert entry == {
        "level": "warn",
        "message": "Card 4242 refused",
        "trace_id": "t1",
        "request_id": "r1",
        "meta": {"logger": "shop.checkout", "user": 7},
    }
    assert sink.received[0].headers["x-api-key"] == "pol_test"


@pytest.mark.parametrize(
    ("number", "name"),
    [(5, "debug"), (10, "debug"), (20, "info"), (25, "info"), (30, "warn"), (40, "error"), (50, "error")],
)
def test_every_level_is_one_that_is_known(logger: logging.Logger, sink: Receiver, number: int, name: str) -> None:
    handler = attach(logger, sink)
    logger.log(number, "x")
    handler.flush()
    assert [entry["level"] for entry in entries(sink)] == [name]


def test_sends_the_traceback(logger: logging.Logger, sink: Receiver) -> None:
    handler = attach(logger, sink)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logger.exception("Broken")
    handler.flush()
    assert "ZeroDivisionError: division by zero" in entries(sink)[0]["meta"]["exception"]


def test_sends_the_stack_and_a_traceback_that_a_queue_has_made_text(logger: logging.Logger, sink: Receiver) -> None:
    handler = attach(logger, sink)
    logger.info("here", stack_info=True)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        record = logger.makeRecord("shop", logging.ERROR, __file__, 1, "Broken", (), sys.exc_info())
    handler.handle(QueueHandler(queue.Queue()).prepare(record))
    logger.error("no exception", exc_info=(None, None, None))
    handler.flush()
    here, broken, none = entries(sink)
    assert "test_snippet_python" in here["meta"]["stack"]
    assert "ZeroDivisionError: division by zero" in str(broken)
    assert none["meta"] == {"logger": "shop.checkout"}


def test_a_number_that_json_has_not_leaves_the_other_fields_alone(logger: logging.Logger, sink: Receiver) -> None:
    handler = attach(logger, sink)
    logger.info("odd", extra={"nan": float("nan"), "inner": {"low": float("-inf"), "count": 3}, "user": "ada"})
    handler.flush()
    meta = entries(sink)[0]["meta"]
    assert meta == {"logger": "shop.checkout", "nan": "nan", "inner": {"low": "-inf", "count": 3}, "user": "ada"}


def test_a_flush_makes_the_next_attempt_come_at_once(logger: logging.Logger, sink: Receiver) -> None:
    sink.behaviour = answer(503)
    handler = attach(logger, sink, interval=0.01)
    handler.first_wait = 60
    logger.info("x")
    sink.wait_for(1)
    sink.behaviour = answer()
    started = time.monotonic()
    handler.flush()
    assert time.monotonic() - started < 30
    assert len(sink.received) == 2


def test_a_batch_is_sent_until_it_is_taken(
    logger: logging.Logger, sink: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    sink.behaviour = answer(503)
    handler = attach(logger, sink, interval=0.01)
    handler.first_wait = 0.001
    logger.info("x")
    sink.wait_for(12)
    assert "cannot be reached, logs wait: 503 ok" in capfd.readouterr().err
    sink.behaviour = answer()
    handler.flush()
    assert "PulseOps" not in capfd.readouterr().err


def test_a_batch_that_is_never_taken_makes_room_when_the_queue_is_full(
    logger: logging.Logger, sink: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    sink.behaviour = answer(503)
    handler = attach(logger, sink, interval=0.01, capacity=3, batch=1)
    handler.first_wait = 0.001
    said = ""

    def has_made_room() -> bool:
        nonlocal said
        logger.info("x")
        said += capfd.readouterr().err
        return "did not take 1 logs: 503 ok" in said and "logs were dropped, the queue was full" in said

    wait_until(has_made_room)


def test_says_which_record_was_rejected(
    logger: logging.Logger, sink: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    sink.behaviour = answer(200, b'{"data":{"accepted":0,"rejected":1},"details":[{"message":"is too old"}]}')
    handler = attach(logger, sink)
    logger.info("x")
    handler.flush()
    assert "is too old" in capfd.readouterr().err


def test_whatever_stands_in_extra_is_sent(logger: logging.Logger, sink: Receiver) -> None:
    handler = attach(logger, sink)
    circle: list[Any] = []
    circle.append(circle)
    for odd in (float("nan"), circle, {(1, 2): 3}, object(), Path("/x"), b"\xff", "\ud800"):
        logger.info("odd", extra={"odd": odd})
    logger.info("")
    logger.info("x" * 100_000)
    handler.flush()
    assert len(entries(sink)) == 9
    assert entries(sink)[7]["message"] == "(empty)"


def test_sends_in_batches(logger: logging.Logger, sink: Receiver) -> None:
    handler = attach(logger, sink, batch=100)
    for number in range(1000):
        logger.info("line %s", number)
    handler.flush()
    assert [entry["message"] for entry in entries(sink)] == [f"line {number}" for number in range(1000)]
    assert len(sink.received) <= 11


def test_a_batch_stays_below_the_limit_of_a_request(logger: logging.Logger, sink: Receiver) -> None:
    handler = attach(logger, sink)
    for _ in range(100):
        logger.info("x" * 60_000)
    handler.flush()
    assert len(entries(sink)) == 100
    assert max(len(request.body) for request in sink.received) < 2_000_000


def test_a_batch_that_is_sent_again_is_known_by_its_key(logger: logging.Logger, sink: Receiver) -> None:
    sink.behaviour = refuse_the_first(sink)
    handler = attach(logger, sink)
    logger.info("once")
    handler.flush()
    assert len(sink.received) == 2
    assert len({request.headers["idempotency-key"] for request in sink.received}) == 1
    assert len({request.body for request in sink.received}) == 1


def test_a_refusal_is_reported_and_not_repeated(
    logger: logging.Logger, sink: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    sink.behaviour = answer(403, b"revoked")
    handler = attach(logger, sink)
    logger.info("x")
    handler.flush()
    assert len(sink.received) == 1
    assert "did not take 1 logs: 403 revoked" in capfd.readouterr().err


def test_a_server_that_hangs_holds_up_no_one(
    logger: logging.Logger, sink: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    sink.behaviour = hang(30)
    handler = attach(logger, sink, capacity=50, batch=10)
    started = time.monotonic()
    for number in range(1000):
        logger.info("line %s", number)
    handler.flush(0.1)
    assert time.monotonic() - started < 15
    assert "did not take all logs within 0.1 s" in capfd.readouterr().err
    assert handler.dropped >= 900


FORKS = """
import concurrent.futures, logging, multiprocessing, os, sys
sys.path.insert(0, {folder!r})
from pulseops_logging import PulseOpsHandler
logging.basicConfig(level=logging.INFO, handlers=[PulseOpsHandler({url!r}, "pol_test")])

def work(name):
    logging.info(name)

if __name__ == "__main__":
    logging.info("parent")
    method = multiprocessing.get_context({method!r})
    process = method.Process(target=work, args=("process",))
    process.start()
    process.join()
    with method.Pool(2) as pool:  # which ends its workers by SIGTERM
        pool.map(work, ["pool"] * 20)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=method) as executor:
        list(executor.map(work, ["executor"] * 20))
    if os.fork() == 0:
        work("fork")
        os._exit(0)
    os.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_children_send_too_and_nothing_twice(sink: Receiver, tmp_path: Path, method: str) -> None:
    folder = str(Path(pulseops_logging.__file__).parent)
    (tmp_path / "main.py").write_text(FORKS.format(folder=folder, url=sink.url, method=method), encoding="utf-8")
    subprocess.run([sys.executable, "main.py"], cwd=tmp_path, timeout=60, check=True)
    sent = Counter(entry["message"] for entry in entries(sink))
    assert sent == {"parent": 1, "process": 1, "pool": 20, "executor": 20, "fork": 1}


def test_what_was_logged_last_is_sent_before_the_program_ends(sink: Receiver, tmp_path: Path) -> None:
    program = f"""
import logging, sys
sys.path.insert(0, {str(Path(pulseops_logging.__file__).parent)!r})
from pulseops_logging import PulseOpsHandler
logging.basicConfig(level=logging.INFO, handlers=[PulseOpsHandler({sink.url!r}, "pol_test")])
for number in range(2000):
    logging.info("line %s", number)
raise SystemExit(3)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=30, check=False)
    assert done.returncode == 3
    assert len(entries(sink)) == 2000
