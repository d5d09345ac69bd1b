"""Small batches that are stored together: each is answered for what became of it, and none is stored twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
import requests
from django.db import OperationalError

from logs.ingest.columns import Batch, Columns
from logs.ingest.group_commit import GroupCommit, _place, _Waiting
from logs.ingest.store import OutcomeUnknownError
from pulseops.core.db.worker_breaker import WorkerSilentError
from pulseops.core.web.json_errors import ApiError
from services.authentication import Credential, KeyScope
from tests.support.installation import Installation, stop
from tests.support.waiting import wait_until

SCOPE = KeyScope(uuid4(), uuid4(), uuid4(), uuid4(), 30, 0, 1_000)


def batch(*messages: str) -> Batch:
    number, nothing = len(messages), [None] * len(messages)
    return Batch(Columns(["info"] * number, ["2026-01-01T00:00:00Z"] * number, messages, nothing, nothing, nothing))


def credential(key: str, address: str | None = None) -> Credential:
    return Credential(key, key, "logs", address)


class Storage:
    """Stores what it is not told to refuse; the first batch waits until `count` others are in line."""

    def __init__(self, refuse: Callable[[list[str]], Exception | None] = lambda messages: None) -> None:
        self.refuse = refuse
        self.groups: list[list[str]] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def __call__(self, credential: Credential, scope: KeyScope, stored: list[Batch]) -> None:
        messages = [message for each in stored for message in each.columns.message]
        self.began.set()
        self.go_on.wait(60)
        if error := self.refuse(messages):
            raise error
        self.groups.append(messages)


def store_at_once(storage: Storage, batches: list[Batch], *, key: str = "a") -> list[Exception | None]:
    """Store the first batch and, while that goes on, the others; returns what each raised."""
    merger = GroupCommit(storage)

    def store(each: Batch) -> Exception | None:
        try:
            merger.store(credential(key), SCOPE, each)
        except (ApiError, OperationalError) as error:
            return error
        return None

    with ThreadPoolExecutor(len(batches)) as pool:
        first = pool.submit(store, batches[0])
        storage.began.wait(60)
        others = []
        for number, each in enumerate(batches[1:], start=1):
            others.append(pool.submit(store, each))
            while len(merger._lines[key, None, None, SCOPE]) < number:
                time.sleep(0.001)
        storage.go_on.set()
        return [future.result(60) for future in (first, *others)]


def test_what_comes_meanwhile_is_stored_together() -> None:
    storage = Storage()
    assert store_at_once(storage, [batch("a"), batch("b", "c"), batch("d")]) == [None, None, None]
    assert storage.groups == [["a"], ["b", "c", "d"]]


def test_a_refused_group_falls_apart() -> None:
    refused = ApiError("RATE_LIMITED", "Too many.")
    storage = Storage(lambda messages: refused if "bad" in messages else None)
    assert store_at_once(storage, [batch("a"), batch("b"), batch("bad"), batch("c")]) == [None, None, refused, None]
    assert storage.groups[0] == ["a"]
    assert sorted(storage.groups[1:]) == [["b"], ["c"]]


def test_a_group_that_may_have_been_committed_is_not_stored_again() -> None:
    lost = OperationalError("the connection is lost")
    storage = Storage(lambda messages: lost if "b" in messages else None)
    assert store_at_once(storage, [batch("a"), batch("b"), batch("c")]) == [None, lost, lost]
    assert storage.groups == [["a"]]


def test_a_failure_of_the_first_does_not_hold_up_the_next() -> None:
    lost = OperationalError("the connection is lost")
    storage = Storage(lambda messages: lost if "a" in messages else None)
    assert store_at_once(storage, [batch("a"), batch("b")]) == [lost, None]
    assert storage.groups == [["b"]]


def test_keys_do_not_wait_for_each_other() -> None:
    storage = Storage()
    merger = GroupCommit(storage)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(merger.store, credential("a"), SCOPE, batch("a"))
        storage.began.wait(60)
        other = GroupCommit(lambda *_: None)
        other.store(credential("b"), SCOPE, batch("b"))
        storage.go_on.set()
        waiting.result(60)


def test_no_one_stands_in_line_for_a_worker_that_has_gone_silent() -> None:
    storage, is_silent = Storage(), threading.Event()
    merger = GroupCommit(storage, lambda _: is_silent.is_set())
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(merger.store, credential("a"), SCOPE, batch("a"))
        assert storage.began.wait(60)
        line = merger._lines["a", None, None, SCOPE]
        second = pool.submit(merger.store, credential("a"), SCOPE, batch("b"))
        wait_until(lambda: len(line) == 1)
        is_silent.set()
        assert isinstance(second.exception(60), WorkerSilentError)
        assert line == []
        with pytest.raises(WorkerSilentError):
            merger.store(credential("a"), SCOPE, batch("c"))
        storage.go_on.set()
        first.result(60)
    assert storage.groups == [["a"]]


def test_what_is_being_stored_by_a_worker_that_has_gone_silent_may_have_been_stored() -> None:
    storage, is_silent = Storage(), threading.Event()
    merger = GroupCommit(storage, lambda _: is_silent.is_set())
    place = ("a", None, None, SCOPE)
    mine = _Waiting(credential("a"), batch("a"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(merger._wait, place, mine)  # in the group of another, so in line no more
        is_silent.set()
        assert isinstance(waiting.exception(60), OutcomeUnknownError)
    mine.group = [mine]
    mine.turn.release()
    merger._wait(place, mine)


@pytest.mark.parametrize(("is_bound", "lines"), [(False, 1), (True, 2)])
def test_only_what_is_bound_to_networks_is_stored_by_address(is_bound: bool, lines: int) -> None:
    scope = replace(SCOPE, is_bound=is_bound)
    assert len({_place(credential("a", address), scope) for address in ("192.0.2.1", "192.0.2.2")}) == lines


@pytest.mark.slow
@pytest.mark.xdist_group("installation")
def test_a_rate_limit_is_kept_to_the_log_by_clients_at_once(installation: Installation) -> None:
    twin = installation.twin(installation.environment)
    web = twin.start_web()
    try:
        url, limited = f"{twin.url}/api/v1/logs/ingest", 60
        key = twin.make_key(rate_per_minute=limited)
        while time.time() % 60 > 50:  # the limit is by the minute of the clock
            time.sleep(0.5)

        def send(number: int) -> int:
            body = {"logs": [{"message": f"log {number}"}]}
            for _ in range(5):  # a machine that stands still for seconds makes one wait too long, which stores nothing
                answer = requests.post(url, json=body, headers={"x-api-key": key}, timeout=30)
                if answer.status_code != 503:
                    return answer.status_code
                refusals.append(answer.text)
            return 503

        refusals: list[str] = []
        with ThreadPoolExecutor(16) as pool:
            answers = Counter(pool.map(send, range(limited * 2)))
        assert answers == {200: limited, 429: limited}, refusals
        count = "from logs.models import LogEntry; print(LogEntry.objects.filter(message__startswith='log ').count())"
        assert twin.shell(count) == str(limited)
    finally:
        stop(web)
