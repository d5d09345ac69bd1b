"""Room for the frames of a page in one piece of memory.

CPython keeps frames in pieces of 16 KB, from 3.11 on: a call that has no room left in one takes another from the
system and gives it back on return (`push_chunk` and `_PyThreadState_PopFrame` in Python/pystate.c). Where what is
called again and again stands at such a border, as the nodes of a template deep in a page do, each call asks the system
for memory: the explorer's page took 115 ms of the processor so, and takes 63. A frame that needs much gets a large
piece, in which all frames above it have room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest, HttpResponse

Argument = TypeVar("Argument")
Result = TypeVar("Result")
# Of a frame, eight bytes each. Pieces are of 16 KB, doubled until the frame and 1,000 slots more fit: this is just too
# much for 128 KB, so more than half of the piece is left for others. Only what is used of it is touched.
_SLOTS = 15_400


def with_room(work: Callable[[Argument], Result], argument: Argument) -> Result:
    """Return `work(argument)`, whose calls all find room; takes some ten microseconds."""
    return work(argument)


with_room.__code__ = with_room.__code__.replace(co_stacksize=_SLOTS)


class StackRoomMiddleware:
    """Make room for all of a page; machines' routes, which are short, come before it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return with_room(self.get_response, request)
