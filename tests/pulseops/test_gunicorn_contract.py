"""What our worker replaces and uses of gunicorn beyond its settings is there, as it was when it was written."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.http.message import Message
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import PollableMethodQueue, ThreadWorker

from pulseops.server.request_threads import Server

ROOT = Path(__file__).resolve().parents[2]
OVERRIDDEN = {
    "init_process": ["self"],
    "accept": ["self", "listener"],
    "wait_for_and_dispatch_events": ["self", "timeout"],
    "murder_pending": ["self"],
    "murder_keepalived": ["self", "force"],
}
USED = {
    ThreadWorker: {"handle_request": ["self", "req", "conn"]},
    Worker: {"handle_error": ["self", "req", "client", "addr", "exc"], "notify": ["self"]},
    PollableMethodQueue: {"defer": ["self", "callback", "args"]},
    RequestParser: {"__init__": ["self", "cfg", "source", "source_addr"], "__next__": ["self"]},
    Arbiter: {"handle_term": ["self"]},
    SocketUnreader: {"chunk": ["self", "size_hint"]},
    Message: {"force_close": ["self"]},
}
ATTRIBUTES = {"nr_conns", "worker_connections", "poller", "tpool", "method_queue", "alive", "age", "cfg", "log"}


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_version_is_pinned_to_its_major() -> None:
    assert "\ngunicorn~=27.0\n" in (ROOT / "requirements.in").read_text()


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_what_is_replaced_is_there(name: str) -> None:
    assert parameters(getattr(ThreadWorker, name)) == OVERRIDDEN[name]


def test_everything_that_is_replaced_is_listed() -> None:
    source = ast.parse((ROOT / "pulseops/server/worker.py").read_text())
    (worker,) = [node for node in source.body if isinstance(node, ast.ClassDef)]
    ours = {node.name for node in worker.body if isinstance(node, ast.FunctionDef)}
    assert {name for name in ours if hasattr(ThreadWorker, name)} == set(OVERRIDDEN)


@pytest.mark.parametrize("kind", USED, ids=lambda kind: kind.__name__)
def test_what_is_used_is_there(kind: type) -> None:
    for name, expected in USED[kind].items():
        assert parameters(getattr(kind, name)) == expected


def test_every_attribute_that_is_used_is_listed_and_set() -> None:
    tree = ast.parse((ROOT / "pulseops/server/worker.py").read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    theirs = {name for name in used if not name.startswith("_")} - {"handle_request", "handle_error"}
    theirs |= {*Server.__annotations__}
    assert theirs == ATTRIBUTES
    made = inspect.getsource(ThreadWorker.__init__) + inspect.getsource(Worker.__init__)
    assert [name for name in ATTRIBUTES if f"self.{name} = " not in made] == []


def test_the_loop_calls_what_is_replaced() -> None:
    loop = inspect.getsource(ThreadWorker.run)
    for call in ("set_accept_enabled(True)", "wait_for_and_dispatch_events(", "murder_pending()", "force=True)"):
        assert call in loop
    assert "while self.nr_conns > 0" in loop  # a worker that stops waits for those that are being served
    assert "EVENT_READ, self.accept)" in inspect.getsource(ThreadWorker.set_accept_enabled)
    assert "callback(key.fileobj)" in inspect.getsource(ThreadWorker.wait_for_and_dispatch_events)


def test_a_connection_has_what_a_request_is_served_with() -> None:
    served = inspect.getsource(ThreadWorker.handle_request)
    used = {word for word in ("conn.sock", "conn.client", "conn.server", "conn.parser") if word in served}
    assert used == {"conn.sock", "conn.client", "conn.server"}
    assert "sock.gettimeout()" in inspect.getsource(util.write_nonblock)
    closing = inspect.getsource(util.close_graceful)
    assert all(f"sock.{call}(" in closing for call in ("shutdown", "settimeout", "recv", "close"))
