"""What `check --database default` warns of on a cluster of Citus."""

from __future__ import annotations

import pytest

from pulseops.core.db import cluster_checks
from pulseops.core.db.cluster_checks import cluster_is_in_order

NAMES = [f"logs_20261130_102{number}_ts_idx_ccnew" for number in range(7)]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all be in order on a cluster."""
    monkeypatch.setattr(cluster_checks, "distributed_tables", lambda: frozenset({"logs"}))
    monkeypatch.setattr(cluster_checks, "has_background_workers", lambda: True)
    for ask in ("silent_workers", "long_index_names", "broken_shard_indexes"):
        monkeypatch.setattr(cluster_checks, ask, list)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("asked", "answer", "identifier", "words"),
    [
        ("silent_workers", ["worker2.internal:5432"], "pulseops.W033", "worker2.internal:5432"),
        ("has_background_workers", False, "pulseops.W034", "max_worker_processes"),
        ("long_index_names", NAMES[:1], "pulseops.W035", NAMES[0]),
        ("broken_shard_indexes", NAMES, "pulseops.W036", f"{NAMES[4]} and 2 more"),
    ],
)
def test_what_is_wrong_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, asked: str, answer: object, identifier: str, words: str
) -> None:
    assert cluster_is_in_order(["default"]) == []
    monkeypatch.setattr(cluster_checks, asked, lambda: answer)
    [message] = cluster_is_in_order(["default"])
    assert message.id == identifier
    assert words in message.msg
    assert cluster_is_in_order() == []


@pytest.mark.plain_database("asks a server without Citus")
@pytest.mark.django_db
def test_a_plain_database_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_checks, "silent_workers", lambda: ["someone"])
    assert cluster_is_in_order(["default"]) == []
