"""One program in each language logs much and odd things to a server that is away at first, and fails at its end.

Every log arrives once and as searchable as it can be, and the program never ends by what it logs.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.services.languages import is_here, need, run, snippet
from tests.services.snippet_sink import entries
from tests.support.receivers import Received, Receiver, answer, receiver

PROGRAMS = Path(__file__).with_name("programs")
FILES = {
    "Python": "everything.py",
    "Node": "everything.mjs",
    "Go": "everything.go",
    "Ruby": "everything.rb",
    "Java": "Everything.java",
}
PARTIAL = {
    "data": {"accepted": 499, "rejected": 1},
    "details": [{"path": "logs[3].timestamp", "message": "is more than 24 hours ahead"}],
}
pytestmark = [pytest.mark.xdist_group("snippets"), pytest.mark.parametrize("label", FILES)]


@dataclass(frozen=True, slots=True)
class Run:
    """What a program did: its end, the requests of it, and their logs in order without those of forked children."""

    done: subprocess.CompletedProcess[str]
    requests: list[Received]
    logs: list[dict[str, Any]]
    children: list[dict[str, Any]]

    def only(self, message: str) -> dict[str, Any]:
        (entry,) = [entry for entry in self.logs if entry["message"] == message]
        return entry


def answer_in_turn(sink: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """First 503, then no answer, then one that tells of a rejected log; from then on all is well."""
    match len(sink.received):
        case 1:
            answer(503)(handler)
        case 2:
            handler.connection.shutdown(socket.SHUT_RDWR)
        case 3:
            answer(200, json.dumps(PARTIAL).encode())(handler)
        case _:
            answer(200, b'{"data":{"accepted":1,"rejected":0}}')(handler)


def program(label: str, folder: Path) -> list[str]:
    """Put the program and the snippet into a folder; returns what to run."""
    code, name = snippet(label), FILES[label]
    text = code.code.split("\nexport const log")[0].split("\nfunc main()")[0] + "\n"  # what logs by itself goes nowhere
    (folder / code.filename).write_text(text, encoding="utf-8")
    main = (PROGRAMS / name).read_text(encoding="utf-8")
    if label == "Java":  # which runs one file: both classes in it, the one with the program first
        both = f"{main}\n{text.replace('public class PulseOps', 'class PulseOps')}".splitlines()
        both.sort(key=lambda line: not line.startswith("import "))
        main = "\n".join(both)
    (folder / name).write_text(main.replace("services.snippets.clients.", ""), encoding="utf-8")
    return [name, code.filename] if label == "Go" else [name]


def run_everything(label: str, folder: Path) -> Run:
    with receiver() as sink:
        sink.behaviour = lambda handler: answer_in_turn(sink, handler)
        done = run(label, folder, *program(label, folder), URL=sink.url)
        stored = {request.headers["idempotency-key"]: request for request in sink.received}
        sink.received[:] = stored.values()
        logs = entries(sink)
        children = [entry for entry in logs if entry["message"] == "child"]
        return Run(done, list(stored.values()), [entry for entry in logs if entry not in children], children)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Run]]]:
    """All languages at once: half of what they do is wait."""
    with ThreadPoolExecutor(len(FILES)) as threads:
        yield {
            label: threads.submit(run_everything, label, tmp_path_factory.mktemp(label))
            for label in FILES
            if is_here(label)
        }


@pytest.fixture
def ran(label: str, runs: dict[str, Future[Run]]) -> Run:
    need(label)
    return runs[label].result()


def test_all_arrives_once_in_batches(label: str, ran: Run) -> None:
    assert [entry["meta"]["i"] for entry in ran.logs if entry["message"] == "line"] == list(range(1200))
    assert max(len(request.json["logs"]) for request in ran.requests) <= 500
    assert max(len(request.body) for request in ran.requests) < 5_000_000
    assert {request.headers["x-api-key"] for request in ran.requests} == {"pol_test"}
    assert ran.only("(empty)")["level"] == "warn"
    assert len(ran.children) == (2 if label == "Ruby" else 0)


def test_the_last_log_is_sent_though_the_program_fails(label: str, ran: Run) -> None:
    assert ran.logs[-1]["message"] == "last"
    assert ran.done.returncode != 0
    assert "uncaught" in ran.done.stderr
    assert not re.search(r"did not take \d", ran.done.stderr)


def test_says_which_log_was_rejected(label: str, ran: Run) -> None:
    assert ran.done.stderr.count("did not take all of a batch") == 1
    assert "is more than 24 hours ahead" in ran.done.stderr


def test_an_error_is_stored_with_its_causes_and_stacks(label: str, ran: Run) -> None:
    failed = ran.only("failed")
    assert (failed["level"], failed["trace_id"], failed["request_id"]) == ("error", "t1", "7")
    text = json.dumps(failed["meta"]["error"])
    assert "outer" in text
    assert "inner" in text
    assert FILES[label] in text or "main.main" in text
    if label == "Node":
        assert failed["meta"]["error"]["cause"]["stack"].startswith("TypeError: inner\n    at")
        assert ran.only("Error: outer")["meta"]["error"] == failed["meta"]["error"]
    if label == "Ruby":
        assert FILES[label] in failed["meta"]["error"]["cause"]["stack"]


def test_an_absent_value_makes_no_trace(label: str, ran: Run) -> None:
    assert not {"trace_id", "request_id"} & ran.only("odd").keys()
    assert not {"trace_id", "request_id"} & ran.only("odd")["meta"].keys()


def test_what_json_cannot_hold_is_text_and_the_rest_as_it_is(label: str, ran: Run) -> None:
    odd, broken = ran.only("odd")["meta"], ran.only("broken")["meta"]
    assert odd["nan"].lower() == "nan"
    assert odd["fine"] == broken["fine"] == 7
    assert isinstance(broken["broken"], str | dict)


def test_nothing_is_larger_than_a_log_may_be(label: str, ran: Run) -> None:
    deep = ran.only("deep")["meta"]
    assert depth(deep) <= 32
    assert "LEAF" in str(deep["deep"])
    assert deep["big"] == f"1{'0' * 500}"
    assert len(json.dumps(deep["circle"])) < 5_000
    assert len(json.dumps(ran.only("large"))) < 100_000
    assert "field 1999" in str(ran.only("many")["meta"])
    assert members(ran.only("many")["meta"]) < 1_000


def test_says_what_is_logged_too_late(label: str, ran: Run) -> None:
    if label in ("Go", "Java"):  # the others have nothing to close
        assert "was closed, and logs are dropped: late" in ran.done.stderr
    assert not [entry for entry in ran.logs if entry["message"] == "late"]


def depth(value: Any) -> int:
    """How deep a value is nested; one without parts has 0."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max(map(depth, parts), default=0) + isinstance(value, dict | list)


def members(value: Any) -> int:
    """How many fields there are in a value, at all depths."""
    if isinstance(value, dict):
        return len(value) + sum(map(members, value.values()))
    return sum(map(members, value)) if isinstance(value, list) else 0
