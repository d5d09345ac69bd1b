"""Calls at any depth of a page ask the system for no memory."""

from __future__ import annotations

import resource
from collections.abc import Callable

from django.conf import settings

from pulseops.core.web.stack_room import with_room

DEPTHS, CALLS = 700, 100


def faults_at_the_worst_depth(_: object = None) -> int:
    """Call a function some hundred times at each of many depths; return the most pages that one depth took anew."""

    def at(depth: int) -> int:
        return at(depth - 1) if depth else faults_of(lambda: [called(number) for number in range(CALLS)])

    return max(at(depth) for depth in range(DEPTHS))


def called(number: int) -> int:
    return number


def faults_of(work: Callable[[], object]) -> int:
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


def test_no_depth_takes_memory_for_each_call() -> None:
    faults_at_the_worst_depth()  # what is made for the first time
    assert with_room(faults_at_the_worst_depth, None) < CALLS / 3


def test_pages_have_room_and_machines_do_without() -> None:
    names = [path.rpartition(".")[2] for path in settings.MIDDLEWARE]
    assert names.index("MachineRoutesMiddleware") < names.index("WhiteNoiseMiddleware")
    assert names.index("StackRoomMiddleware") == names.index("WhiteNoiseMiddleware") + 1
