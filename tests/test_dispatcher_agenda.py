"""The dispatcher's agenda: whose turn it is, and for how long."""

from __future__ import annotations

from uuid import UUID, uuid4

from pulseops.server.agenda import Agenda


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_agenda_lets_an_organisation_be_due_at_most_every_two_seconds() -> None:
    clock, org = Clock(), uuid4()
    agenda = Agenda(clock)
    assert agenda.takes_round()
    agenda.wake(org)
    assert take(agenda) == org
    clock.now = 0.5
    agenda.wake(org)
    assert take(agenda) is None
    clock.now = 2.0
    assert take(agenda) == org
    clock.now = 4.0
    assert take(agenda) == org  # once more, for what came in between
    clock.now = 6.0
    assert take(agenda) is None
    assert not agenda.takes_round()
    clock.now = 30.0
    assert agenda.takes_round()
    agenda.plan([org])
    assert take(agenda) == org


def take(agenda: Agenda, *, is_slow: bool = False, seconds: float = 0, is_unfinished: bool = False) -> UUID | None:
    """Take and end a turn."""
    org = agenda.take(0, is_slow=is_slow)
    if org:
        agenda.done(org, seconds, is_slow=is_slow, is_unfinished=is_unfinished)
    return org


def test_who_is_slow_leaves_the_quick_lane_and_pauses_ten_times_as_long() -> None:
    clock, slow, quick = Clock(), uuid4(), uuid4()
    agenda = Agenda(clock)
    agenda.plan([slow, quick])
    assert take(agenda, seconds=0.5, is_unfinished=True) == slow
    assert take(agenda) == quick
    assert take(agenda) is None
    assert take(agenda, is_slow=True, seconds=2) == slow
    agenda.wake(slow)
    for clock.now in (2.0, 10.0, 17.9):
        assert take(agenda, is_slow=True) is take(agenda) is None
    clock.now = 18.0
    assert take(agenda) is None
    turns = 0
    while take(agenda, is_slow=True, seconds=0.1):  # quick now, but it has to show that for a while
        turns += 1
        clock.now += 30
        agenda.plan([slow])
    assert 3 < turns < 20
    assert take(agenda) == slow


def test_a_round_takes_up_where_someone_has_a_turn() -> None:
    clock, org = Clock(), uuid4()
    agenda = Agenda(clock)
    agenda.wake(org)
    assert agenda.take(0, is_slow=False) == org
    agenda.wake(org)  # came in while its turn goes on
    agenda.plan([org])
    assert agenda.take(0, is_slow=False) is None
    agenda.done(org, 0.1, is_slow=False, is_unfinished=False)
    clock.now = 2.0
    assert take(agenda) == org
    assert take(agenda) is None
    clock.now = 5.0
    agenda.plan([org])
    assert take(agenda) == org
    agenda.wake(org)  # just after its turn of a round, which is no reason to let it wait
    assert take(agenda) == org


def test_an_error_does_not_wait_until_all_others_had_their_turn_of_the_round() -> None:
    clock, planned, woken = Clock(), [uuid4() for _ in range(1_000)], [uuid4() for _ in range(3)]
    agenda = Agenda(clock)
    agenda.plan(planned)
    assert take(agenda) == planned[0]
    clock.now = 0.01
    for org in woken:
        agenda.wake(org)
    turns = [take(agenda) for _ in range(7)]
    assert turns == [woken[0], planned[1], woken[1], planned[2], woken[2], planned[3], planned[4]]


def test_errors_without_end_do_not_stop_the_round() -> None:
    clock, planned = Clock(), [uuid4() for _ in range(20)]
    agenda = Agenda(clock)
    agenda.plan(planned)
    turns = []
    for _ in range(2 * len(planned)):
        agenda.wake(uuid4())
        agenda.wake(uuid4())
        turns.append(take(agenda))
    assert set(planned) <= set(turns)
