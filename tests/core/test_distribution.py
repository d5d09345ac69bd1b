"""A database without Citus is told apart from one whose worker is away, whatever the error says."""

from __future__ import annotations

import psycopg
import pytest
from django.db import InternalError, OperationalError

from logs.ingest.store import OutcomeUnknownError, _answer_to
from pulseops.core.db import distribution
from pulseops.core.db.distribution import Containment, distributed_tables, is_worker_away
from pulseops.core.db.statement_timeout import is_of_the_query
from pulseops.pages.error_pages import is_database_away

LOST = "failure on connection marked as essential: worker1:5432"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process take its database for one on Citus."""
    monkeypatch.setattr(distribution, "_answers", {"default": (frozenset({"logs"}), 0.0)})


def raised(kind: type[Exception], cause: psycopg.Error) -> Exception:
    error = kind(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.plain_database("asks a server without Citus")
@pytest.mark.django_db
def test_a_plain_database_has_no_workers() -> None:
    distribution.forget_distribution()
    assert distributed_tables() == frozenset()
    assert not is_worker_away(raised(OperationalError, psycopg.errors.ConnectionFailure(LOST)))
    assert is_of_the_query(raised(InternalError, psycopg.errors.InternalError_(LOST)))


@pytest.mark.django_db
def test_it_is_not_asked_again_within_a_minute() -> None:
    distributed_tables()
    asked = dict(distribution._answers)
    distributed_tables()
    assert distribution._answers == asked


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("kind", "cause", "is_away"),
    [
        (OperationalError, psycopg.errors.ConnectionFailure("connection to the remote node failed"), True),
        (OperationalError, psycopg.errors.AdminShutdown("terminating connection"), True),
        (InternalError, psycopg.errors.InternalError_(LOST), True),
        (InternalError, psycopg.errors.InternalError_("could not find attribute 3"), False),
        (OperationalError, psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), False),
    ],
)
def test_a_worker_that_is_away_is_no_fault_of_the_query(
    kind: type[Exception], cause: psycopg.Error, is_away: bool
) -> None:
    error = raised(kind, cause)
    assert is_worker_away(error) is is_away
    if is_away:
        assert is_database_away(error)
        assert not is_of_the_query(error)


@pytest.mark.usefixtures("cluster")
def test_what_fails_for_one_fails_for_that_one_alone() -> None:
    contained, done = Containment(), []
    for number in range(3):
        with contained.each():
            if number == 1:
                raise raised(OperationalError, psycopg.errors.ConnectionFailure(LOST))
            done.append(number)
    assert done == [0, 2]
    with pytest.raises(OperationalError, match="1 steps wait"):
        contained.raise_failure()
    with pytest.raises(ZeroDivisionError), contained.each():
        raise ZeroDivisionError


@pytest.mark.usefixtures("cluster")
def test_a_batch_whose_worker_went_is_to_be_sent_again() -> None:
    error = raised(InternalError, psycopg.errors.InternalError_("unexpected response"))
    assert isinstance(_answer_to(error, is_committing=False), OperationalError)  # type: ignore[arg-type]


@pytest.mark.usefixtures("cluster")
def test_a_batch_that_was_committed_in_one_phase_may_be_stored_whatever_came_of_it() -> None:
    error = raised(InternalError, psycopg.errors.InternalError_(LOST))
    assert isinstance(_answer_to(error, is_committing=True, is_in_one_phase=True), OutcomeUnknownError)  # type: ignore[arg-type]
    assert not isinstance(_answer_to(error, is_committing=False, is_in_one_phase=True), OutcomeUnknownError)  # type: ignore[arg-type]
    assert not isinstance(_answer_to(error, is_committing=True), OutcomeUnknownError)  # type: ignore[arg-type]
