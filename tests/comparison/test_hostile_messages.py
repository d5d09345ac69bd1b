"""Messages that someone made to be slow: what reads them takes a time that grows with them, and has an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from deployments.models import Deployment
from logs.explorer.marker import Marker
from logs.explorer.rows import without_colours
from logs.message_patterns import _MASKED, MESSAGE_READ, message_pattern
from logs.models import LogEntry
from logs.search.parser import parse
from pulseops.comparison import patterns
from pulseops.comparison.counts import MOST_MESSAGES
from tests.support.factories import make_service

PARTS = ["a.", "a-", "1.", "1,", '"', '\\"', "'", "`", "“", "«", "a@", "a.b@", "[", "[a:", "0x", "0xg", "a1", "_", "1:"]
PARTS += ["12:34", "a+", "2026-01-01T", " '", "'a ", "\x1b[1;", "\U0001f600", "\u017f"]


def cpu(work: Callable[[], Any]) -> float:
    """Return the least CPU time of a few tries."""
    took = []
    for _ in range(3):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


@pytest.mark.parametrize("tail", ["", "!", '"', "@"])
@pytest.mark.parametrize("part", PARTS)
def test_masking_is_linear(part: str, tail: str) -> None:
    short, long = part * (8_000 // len(part)) + tail, part * (64_000 // len(part)) + tail
    assert cpu(lambda: _MASKED.sub("", long)) < 32 * cpu(lambda: _MASKED.sub("", short)) + 0.01  # quadratic: 64 times
    assert cpu(lambda: message_pattern((part * 600)[:MESSAGE_READ] + tail)) < 0.01


@pytest.mark.parametrize("part", PARTS)
def test_colours_are_taken_away_in_linear_time(part: str) -> None:
    short, long = part * (8_000 // len(part)), part * (64_000 // len(part))
    assert cpu(lambda: without_colours("\x1b" + long)) < 32 * cpu(lambda: without_colours("\x1b" + short)) + 0.01


@pytest.mark.parametrize(
    "words",
    ["a" * 3_900 + "b", "b" + "a" * 3_900, "a" * 45 + "b" + "a" * 45, " ".join("a" * n for n in range(1, 80)), "a"],
)
def test_marking_has_an_end(words: str) -> None:
    """A page of a hundred rows of the longest message that it shows."""
    marker = Marker(parse(words))
    message = "a" * 20_000
    assert cpu(lambda: [marker.mark(message) and marker.first(message) for _ in range(10)]) < 0.2


def test_marking_marks_the_longest_first_and_ignores_case() -> None:
    assert Marker(parse("err error ÜBER")).mark("ERROR err über<İ err") == (
        "<mark>ERROR</mark> <mark>err</mark> <mark>über</mark>&lt;İ <mark>err</mark>"
    )


@pytest.fixture
def deployed(org: Org) -> Any:
    """A deployment with more errors on both sides than are read, each message as slow as the review's."""
    production = make_service(org).environments.get(name="production")
    at = timezone.now() - timedelta(minutes=20)
    deployment = Deployment.objects.create(
        org=org, service=production.service, environment=production, commit_sha="a" * 40, status="success",
        created_at=at, started_at=at, finished_at=at,
    )  # fmt: skip
    place = {"org_id": org.pk, "service_id": production.service_id, "environment_id": production.pk, "level": "error"}
    LogEntry.objects.bulk_create(
        LogEntry(
            message="a." * 299 + str(n % 50),
            ts=deployment.deployed_at + timedelta(milliseconds=(n - 1_500) * 100),
            **place,
        )
        for n in range(3_000)
    )
    return deployment


@pytest.mark.django_db
def test_the_page_of_a_deployment_reads_a_bounded_number_once_each(
    deployed: Any, client_for: Callable[[User], Client], viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(patterns, "message_pattern", lambda message: seen.append(message) or message_pattern(message))
    began = time.process_time()
    page = client_for(viewer).get(f"/deployments/{deployed.pk}").content.decode()
    assert time.process_time() - began < 2  # it was twelve
    assert "There were more errors than could be read" in page
    assert len(set(seen)) == 50
    assert len(seen) <= 2 * 50  # a second time where the first, quick try was too short
    assert MOST_MESSAGES == 1_000


@pytest.mark.django_db
def test_the_page_says_when_time_was_up(
    deployed: Any,
    client_for: Callable[[User], Client],
    viewer: User,
    settings: LazySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = client_for(viewer)
    settings.COMPARISON_SECONDS = 0.5
    monkeypatch.setattr(patterns, "message_pattern", lambda message: time.sleep(0.2) or message_pattern(message))
    assert "The time for comparing messages was up" in client.get(f"/deployments/{deployed.pk}").content.decode()
