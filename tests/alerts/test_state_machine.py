"""What a rule decides, sample by sample, with no database and no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.models import AlertRule
from alerts.params import ParamsError
from alerts.rule_types import read_params
from alerts.rule_types.error_count import ErrorCountParams
from alerts.state_machine import Condition, Outcome, Sample, State, decide

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)


def run(condition: Condition, counts: list[int], state: State | None = None) -> list[str]:
    """Return the outcome of each sample, 30 s apart."""
    state, outcomes = state or State(), []
    for number, count in enumerate(counts):
        decision = decide(condition, state, Sample(START + number * TICK, count))
        state = decision.state
        outcomes.append(str(decision.outcome))
    return outcomes


def test_it_fires_once_and_recovers_once() -> None:
    assert run(Condition(3), [0, 2, 3, 9, 3, 2, 0]) == [
        "quiet", "quiet", "fire", "holding", "holding", "recover", "quiet",
    ]  # fmt: skip


def test_it_must_hold_for_so_long() -> None:
    outcomes = run(Condition(1, hold=MINUTE), [1, 1, 0, 1, 1, 1, 1])
    assert outcomes == ["pending", "pending", "quiet", "pending", "pending", "fire", "holding"]


def test_it_must_be_clear_for_so_long() -> None:
    outcomes = run(Condition(1, recovery=MINUTE), [1, 0, 1, 0, 0, 0, 0])
    assert outcomes == ["fire", "clearing", "holding", "clearing", "clearing", "recover", "quiet"]


def test_within_the_cooldown_it_is_the_same_incident() -> None:
    outcomes = run(Condition(1, cooldown=2 * MINUTE), [1, 0, 0, 1, 0, 0, 0, 0, 0, 1])
    assert [each for each in outcomes if each not in {"quiet", "holding"}] == [
        "fire", "recover", "reopen", "recover", "fire",
    ]  # fmt: skip


def test_it_is_silent_while_muted_and_fires_when_that_ends() -> None:
    assert run(Condition(1, muted_until=START + MINUTE), [1, 1, 1, 1]) == ["muted", "muted", "fire", "holding"]


def test_muting_lets_what_goes_on_end() -> None:
    state = State(fired_at=START - MINUTE)
    assert run(Condition(1, muted_until=START + 60 * MINUTE), [1, 0, 1], state) == ["holding", "recover", "muted"]


def test_what_someone_resolved_stays_resolved_for_the_cooldown() -> None:
    state = State(fired_at=START - MINUTE, handled_at=START)
    assert run(Condition(1, cooldown=MINUTE), [1, 1, 1, 1], state) == ["silenced", "silenced", "fire", "holding"]
    assert run(Condition(1, cooldown=MINUTE), [1, 0, 0], state) == ["silenced", "recover", "quiet"]


CONDITIONS = st.builds(
    Condition,
    threshold=st.integers(1, 4),
    hold=st.sampled_from([timedelta(0), MINUTE, 3 * MINUTE]),
    recovery=st.sampled_from([timedelta(0), MINUTE, 3 * MINUTE]),
    cooldown=st.sampled_from([timedelta(0), MINUTE, 10 * MINUTE]),
)


@settings(deadline=None)
@given(CONDITIONS, st.lists(st.integers(0, 5), max_size=120))
def test_firing_and_recovering_take_turns(condition: Condition, counts: list[int]) -> None:
    told = [each for each in run(condition, counts) if each in {"fire", "reopen", "recover"}]
    assert all(each == "recover" for each in told[1::2])
    assert all(each in {"fire", "reopen"} for each in told[0::2])


@settings(deadline=None)
@given(CONDITIONS, st.integers(1, 400))
def test_a_condition_that_holds_makes_one_message_however_long(condition: Condition, ticks: int) -> None:
    outcomes = run(condition, [9] * ticks)
    assert outcomes.count("fire") <= 1
    assert set(outcomes) <= {"pending", "fire", "holding"}


@settings(deadline=None)
@given(CONDITIONS, st.lists(st.integers(0, 5), max_size=80))
def test_recovery_is_never_notified_while_it_holds(condition: Condition, counts: list[int]) -> None:
    for count, outcome in zip(counts, run(condition, counts), strict=True):
        if outcome == Outcome.RECOVER:
            assert count < condition.threshold
        if outcome in {Outcome.FIRE, Outcome.REOPEN}:
            assert count >= condition.threshold


def test_parameters_have_defaults_and_old_names() -> None:
    assert read_params("error_count", {}) == ErrorCountParams()
    old = read_params("error_count", {"threshold": "25", "windowMinutes": "15", "unknown": 1})
    assert (old.threshold, old.window_minutes) == (25, 15)  # type: ignore[attr-defined]
    assert read_params("error_count", {"window_minutes": 7, "windowMinutes": 9}) == ErrorCountParams(window_minutes=7)
    assert read_params("error_count", {"level": "WARN"}) == ErrorCountParams(level="warn")
    assert read_params("deployment_failure", {"for_minutes": None}).for_minutes == 0


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        ({"window_minutes": "abc"}, "'abc' is not a whole number"),
        ({"window_minutes": 0}, "from 1 to 1,440"),
        ({"threshold": -1}, "from 1 to 1,000,000"),
        ({"threshold": 1.5}, "not a whole number"),
        ({"threshold": True}, "not a whole number"),
        ({"threshold": "Infinity"}, "not a whole number"),
        ({"threshold": "nan"}, "not a whole number"),
        ({"threshold": [3]}, "not a whole number"),
        ({"level": "loud"}, "no level 'loud'"),
        ({"query": 7}, "must be text"),
        ({"query": "x" * 1001}, "at most 1,000"),
        ([], "must be an object"),
        (None, "must be an object"),
        ("text", "must be an object"),
    ],
)
def test_bad_parameters_say_what_is_wrong(given_: object, problem: str) -> None:
    with pytest.raises(ParamsError, match=problem):
        read_params(AlertRule.Type.ERROR_COUNT, given_)


def test_an_unknown_type_is_not_a_rule() -> None:
    with pytest.raises(ParamsError, match="no type 'latency'"):
        read_params("latency", {})
