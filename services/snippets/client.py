"""What the catalog says of a client, and how clients are grouped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """What sends logs, and the file of text that makes it send them here.

    `folder` is where that text belongs on the user's machine, `install` a command before, `then` one after; `note` is a
    sentence. `is_run`: our tests run this very text; else it was written from the client's documentation or source.
    `plain_http` are the words in it that differ where an installation has no TLS.
    """

    label: str
    filename: str
    note: str = ""
    words: str = ""  # what it is also looked for under
    folder: str = ""
    install: str = ""
    then: str = ""
    is_run: bool = False
    plain_http: tuple[str, str] = ("", "")

    @property
    def short_label(self) -> str:
        """The label among those of its group, which says the rest."""
        return self.label.rpartition(" · ")[2]


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """Clients of one kind; `slug` is the end of their document's name, send-logs-SLUG."""

    title: str
    slug: str
    clients: Sequence[Client]
