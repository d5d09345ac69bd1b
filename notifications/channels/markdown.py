"""Markdown in which nothing that people or programs have written is markup, a link or a mention."""

from __future__ import annotations

import re
from collections.abc import Sequence

from notifications.messages import Notice, unlinked

_MARKUP = re.compile(r"([\\*_~`|>\[\]()#!<])")


def escaped(text: str) -> str:
    """Return `text` as it is read; character by character, but for addresses, which become none."""
    return _MARKUP.sub(r"\\\1", text).replace("@", "@\u200b")


def escaped_line(text: str) -> str:
    """Return `text` so that it makes no link either."""
    return escaped(unlinked(text))


def code_block(notice: Notice, most: int) -> str:
    """Return what the message quotes as a block of at most `most` characters; "" if it quotes nothing."""
    if not notice.quoted:
        return ""
    text = "\n".join(notice.quoted).replace("`", "\u02cb").replace("@", "@\u200b")
    return f"```\n{text if len(text) <= most else text[: most - 1] + '…'}\n```"


def links(notice: Notice) -> str:
    """Return where the reader may go."""
    return " · ".join(f"[{each.label}]({each.url})" for each in notice.actions)


def digest_lines(notices: Sequence[Notice], listed: int, title_length: int) -> list[str]:
    """Return a line with a link for each of the first `listed` incidents."""
    lines = []
    for notice in notices[:listed]:
        title = escaped_line(notice.title[:title_length])
        lines.append(f"{notice.symbol} {notice.headline}: {f'[{title}]({notice.link})' if notice.link else title}")
    return lines
