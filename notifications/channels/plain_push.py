"""The text of kinds that show plain text, such as push notifications."""

from __future__ import annotations

from collections.abc import Sequence

from notifications.messages import LISTED, Notice, count_of, rest_of, unlinked


def push_title(notices: Sequence[Notice]) -> str:
    """Return one line: what happened, or how many things."""
    first = notices[0]
    return count_of(notices) if len(notices) > 1 else f"{first.headline}: {first.title}"


def push_text(notices: Sequence[Notice], most_bytes: int) -> str:
    """Return the rest as plain text of at most `most_bytes` in UTF-8, in which nothing becomes a link."""
    lines = _one(notices[0]) if len(notices) == 1 else _digest(notices)
    text = unlinked("\n".join(lines)) or notices[0].title
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= most_bytes:
        return text
    return encoded[: most_bytes - 3].decode("utf-8", "ignore").rstrip() + "…"


def _one(notice: Notice) -> list[str]:
    facts = [f"{fact.name}: {fact.text}" for fact in notice.facts]
    return [*filter(None, [notice.where, notice.text, *notice.quoted, *facts])]


def _digest(notices: Sequence[Notice]) -> list[str]:
    lines = [f"{notice.symbol} {notice.headline}: {notice.title}" for notice in notices[:LISTED]]
    return [*lines, *filter(None, [rest_of(notices, LISTED).partition(":")[0]])]
