"""The interpreter, which the threads of a process share: how soon one that waited for the database has it again."""

from __future__ import annotations

import sys

# A thread gives up the interpreter with each statement that it sends, and asks for it again when the answer is there.
# By default one that computes keeps it for 5 ms then: beside a page that is rendered for someone else, the forty
# statements that open an incident take 0.2 s longer.
_SWITCH_SECONDS = 0.001


def share_interpreter() -> None:
    """Let threads that compute give the interpreter soon to those that have waited for the database or a client."""
    sys.setswitchinterval(_SWITCH_SECONDS)
