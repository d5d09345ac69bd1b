"""What a page may cost (design.md, budgets), and the few that need more, each with its reason.

A query is a message to the database that waits for its answer: BEGIN and COMMIT count, and so does what sets a limit
unless it travels with the query that it is for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.visits.pages import Page

MOST_QUERIES = 12
MOST_MILLISECONDS = 100  # of the server, with demo data


@dataclass(frozen=True, slots=True)
class Budget:
    """`varies`: not with the number of rows, but with where they lie."""

    queries: int = MOST_QUERIES
    milliseconds: int = MOST_MILLISECONDS
    varies: bool = False
    reason: str = ""


# Columns are found in one query; text and fields are looked for in slices of time.
_IN_SLICES = Budget(
    queries=40,
    varies=True,
    reason="Slices go from the newest to older time, each wider than the last, until the page is full or its time is "
    "up, so that a search answers in time whatever it is for: a handful for the page, two or three for the histogram. "
    "Who finds nothing is told where the next match lies and what each term costs, which takes some more.",
)
_AFTER_THE_PAGE = replace(
    _IN_SLICES,
    milliseconds=300,
    reason="Asked for when the page is there, which does not wait for it: the histogram, the facets and the fields of "
    "the whole result, each in slices of time within its seconds.",
)
_EXPORT = Budget(
    queries=36,
    varies=True,
    reason="A file, not a page: before its first line it counts against the day's exports, takes a slot of the "
    "reader's, of the organisation's and of the installation's, and is written into the audit log, each in a statement "
    "that others must see at once; then it reads page by page, so that no connection is held while the client reads.",
)
_OTHERS = {
    "accounts:audit_export": _EXPORT,
    "logs:export": _EXPORT,
    "logs:export?format=csv": _EXPORT,
    "diagnostics": Budget(
        queries=20,
        reason="Superusers see the figures of the installation beside those of their organisation, its quotas among "
        "them; each is one query of the app that owns the tables.",
    ),
    "doctor": Budget(
        queries=40,
        milliseconds=10_000,
        reason="It looks at everything: each thing in the database by a query, mail, and the public address.",
    ),
    **dict.fromkeys(
        (
            "logs:explorer",
            "logs:explorer?row={address}",
            "logs:explorer?q=level:error",
            "logs:explorer?q=service:checkout+env:production",
        ),
        Budget(
            queries=22,
            varies=True,
            reason="Facets count over the whole result: quickly, or else in slices of time within their seconds; on a "
            "busy machine a slice that took too long is tried again, twice at most, and narrower ones follow.",
        ),
    ),
    "logs:entry": Budget(
        queries=30,
        varies=True,
        reason="What lies around the log is looked for in slices of time, in two directions; each slice is one message "
        "to the server, and three in the transaction of a test.",
    ),
    "incidents:reply": Budget(
        queries=16,
        varies=True,
        reason="A public page that counts against a limit, which takes a lock and two writes in the shared cache, and "
        "one more where the limit's minutes are over.",
    ),
    "logs:figures": _AFTER_THE_PAGE,
    "logs:fields": _AFTER_THE_PAGE,
    "logs:explorer?q=timeout&from=-48h": _IN_SLICES,
    "logs:explorer?q=took_ms:>100": _IN_SLICES,
    "logs:explorer?q=nothing+says+this+level:error": _IN_SLICES,
}


def budget_of(page: Page) -> Budget:
    """Return what `page` may cost."""
    return _OTHERS.get(page.name, Budget())
