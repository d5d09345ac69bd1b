"""Looking for words in the documentation: every heading with what stands under it is one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pulseops.docs.markdown import Passage
from pulseops.docs.pages import Link, document, groups

LONGEST = 100  # characters of what is looked for
_MOST_HITS = 25
_BEFORE, _EXCERPT = 60, 180  # characters


@dataclass(frozen=True, slots=True)
class Hit:
    """A place in a document; of its words those before the first match, the match, and those after it."""

    document: str
    title: str
    url: str
    excerpt: tuple[str, str, str]
    is_named: bool  # its heading has the words


def search(query: str) -> list[Hit]:
    """Return where all words of `query` stand, in any case: headings first, then in the order of the documents."""
    words = query[:LONGEST].lower().split()
    hits = [hit for group in groups() for link in group.links for hit in _hits(link, words)] if words else []
    return sorted(hits, key=lambda hit: not hit.is_named)[:_MOST_HITS]


def _hits(link: Link, words: Sequence[str]) -> Iterator[Hit]:
    for passage in document(link.slug).passages:
        heading = f"{link.title} {passage.title}".lower()
        if all(word in heading or word in passage.text.lower() for word in words):
            url = f"{link.url}#{passage.anchor}" if passage.anchor else link.url
            is_named = all(word in heading for word in words)
            yield Hit(link.title, passage.title, url, _excerpt(passage, words), is_named)


def _excerpt(passage: Passage, words: Sequence[str]) -> tuple[str, str, str]:
    text = passage.text
    at, word = next(((at, word) for word in words if (at := text.lower().find(word)) >= 0), (0, ""))
    start = text.find(" ", at - _BEFORE) + 1 if at > _BEFORE else 0
    end = at + len(word)
    more = " …" if len(text) > start + _EXCERPT else ""
    return ("… " if start else "") + text[start:at], text[at:end], text[end : start + _EXCERPT].rstrip() + more
