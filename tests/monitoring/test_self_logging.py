"""SELF_LOGGING: our own log is kept as logs of an organisation, and never feeds itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from accounts.models import Org
from logs.models import LogEntry
from pulseops.core import self_logging
from pulseops.core.config.environment import Environment
from pulseops.core.metrics import SELF_LOGS_DROPPED
from pulseops.core.self_logging import SelfLogHandler
from tests.support.factories import make_key, make_service
from tests.support.waiting import wait_until


@pytest.fixture
def logger(settings: Settings, org: Org, monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """A logger whose records are kept, as those of a process that serves."""
    monkeypatch.setenv("PULSEOPS_PROCESS", "web")
    monkeypatch.setattr(self_logging, "GATHER_SECONDS", 0.05)
    monkeypatch.setattr(self_logging, "PAUSE_SECONDS", 0.0)
    settings.SELF_LOGGING = make_key(make_service(org, "pulseops").environments.get(name="production"))
    handler, logger = SelfLogHandler(), logging.getLogger("pulseops.trial")
    logging.getLogger().addHandler(handler)
    yield logger
    logging.getLogger().removeHandler(handler)


def kept() -> list[tuple[str, str]]:
    return list(LogEntry.objects.order_by("id").values_list("level", "message"))


def dropped() -> float:
    return float(next(iter(SELF_LOGS_DROPPED.collect())).samples[0].value)


@pytest.mark.django_db(transaction=True)
def test_own_records_are_stored_with_what_they_say(logger: logging.Logger) -> None:
    try:
        raise ValueError("no room")
    except ValueError:
        logger.exception("the job failed", extra={"job": "seal_logs"})
    wait_until(lambda: kept() == [("error", "the job failed")])
    meta = LogEntry.objects.get().meta_json
    assert (meta["job"], meta["logger"]) == ("seal_logs", "pulseops.trial")
    assert "ValueError: no room" in meta["exception"]


@pytest.mark.django_db(transaction=True)
def test_what_storing_logs_is_not_kept(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    store = self_logging.STORE[0]
    tries: list[int] = []

    def noisy(lines: list[str]) -> None:
        tries.append(len(lines))
        logging.getLogger("logs.ingest").error("a batch could not be stored")
        if len(tries) == 1:
            raise OSError("away")
        store(lines)

    monkeypatch.setattr(self_logging, "STORE", [noisy])
    logger.warning("first")
    wait_until(lambda: kept() == [("warn", "first")])
    assert tries == [1, 1]
    logger.warning("second")
    wait_until(lambda: len(kept()) == 2)
    assert kept() == [("warn", "first"), ("warn", "second")]


@pytest.mark.django_db(transaction=True)
def test_it_wakes_no_rules(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule whose evaluation fails logs an error: that must not have it evaluated again at once."""
    woken: list[object] = []
    monkeypatch.setattr("logs.ingest.commit.AFTER_INGEST", [lambda *values: woken.append(values)])
    logger.error("an evaluation failed")
    wait_until(lambda: len(kept()) == 1)
    assert woken == []


@pytest.mark.django_db(transaction=True)
def test_a_key_that_stores_nothing_keeps_no_one_waiting(logger: logging.Logger, settings: Settings) -> None:
    before = dropped()
    settings.SELF_LOGGING = "pol_" + "0" * 64
    logger.info("lost")
    wait_until(lambda: dropped() == before + 1)
    assert kept() == []


def test_a_full_queue_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEOPS_PROCESS", "web")
    monkeypatch.setattr(self_logging, "ROOM", 3)
    monkeypatch.setattr(self_logging, "STORE", [])
    handler, before = SelfLogHandler(), dropped()
    for number in range(5):
        handler.emit(logging.makeLogRecord({"msg": f"line {number}"}))
    assert dropped() == before + 2


def test_commands_keep_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEOPS_PROCESS", "migrate")
    handler = SelfLogHandler()
    handler.emit(logging.makeLogRecord({"msg": "hello"}))
    assert handler._lines.empty()


def test_a_wrong_key_is_reported_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELF_LOGGING", "pol_secret")
    environment = Environment()
    assert environment.api_key("SELF_LOGGING") == ""
    assert "secret" not in environment.wrong[0].text
