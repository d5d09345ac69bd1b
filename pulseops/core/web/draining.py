"""Whether this web server is about to stop: `/readyz` says so for a while before, so that load balancers turn away."""

from __future__ import annotations

import mmap


class Draining:
    """A flag that all processes forked after it was made share."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Share it no longer with those who have it by now: a web server that ended, of the same supervisor."""
        self._byte = mmap.mmap(-1, 1)

    def begin(self) -> None:
        """Let every process know that the server is about to stop."""
        self._byte[0] = 1

    @property
    def has_begun(self) -> bool:
        """Whether the server is about to stop."""
        return self._byte[0] == 1


draining = Draining()
