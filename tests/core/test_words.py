"""The interface says things as the field says them: words that readers stumbled over do not come back (layout.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
_COMMENT = re.compile(r"{% comment %}.*?{% endcomment %}|{#.*?#}|<script.*?</script>", re.DOTALL)
_ARGUMENT = re.compile(r"""(?:title|text|label|confirm|heading|words|placeholder)=("[^"]*"|'[^']*')""")
_MARKUP = re.compile(r"<[^>]*>|{%.*?%}|{{.*?}}", re.DOTALL)
_BANNED = re.compile(
    r"\b(told|tells?|tell of|whoever|somebody|nobody|anybody|took up|take[ns]? up|investigat\w+|for ever|for good"
    r"|by hand|mend(ed)?|bears?|sign of life|go(es)? on|make (a|an|the|new)|gone|stands? here|behind"
    r"|at hand|drop (all|the|it)|who was|near it|own page|lasted|of before)\b",
    re.IGNORECASE,
)
_RIGHT = ("are new, more frequent or gone", "is new, more frequent or gone")  # of patterns of errors


def visible_text(source: str) -> Iterator[str]:
    """Yield what a reader of the page may see: text between the tags, and arguments of components."""
    source = _COMMENT.sub("", source)
    yield from _ARGUMENT.findall(source)
    yield " ".join(_MARKUP.sub(" ", source).split())


def test_no_template_has_a_banned_word() -> None:
    found = [
        f"{path.relative_to(TEMPLATES)}: {match[0]!r} in {text[max(match.start() - 40, 0) : match.end() + 40]!r}"
        for path in sorted(TEMPLATES.rglob("*"))
        if path.suffix in {".html", ".txt"} and path.name != "styleguide.html"
        for text in visible_text(path.read_text(encoding="utf-8"))
        for match in _BANNED.finditer(text)
        if not any(right in text for right in _RIGHT)
    ]
    assert found == []
