"""Product and documents use the words of the field: those that readers stumbled over do not come back (layout.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
PRODUCT = ("accounts", "alerts", "deployments", "incidents", "logs", "notifications", "pulseops", "services")
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
# Of programs and documents, which have more to say; `nobody` is also a user of Unix.
_BANNED_EVERYWHERE = re.compile(
    r"(?<![`\w])(?:whoever|somebody|nobody|anybody|for ever|mend(?:s|ed|ing)?|bears?|signs? of life|tells? whether"
    r"|of before|at hand|looks? at (?:all )?rules)(?![`\w])",
    re.IGNORECASE,
)
_BANNED_IN_DOCUMENTS = re.compile(r"\b(?:told|took up|take[ns]? up)\b", re.IGNORECASE)


def visible_text(source: str) -> Iterator[str]:
    """Yield what a reader of the page may see: text between the tags, and arguments of components."""
    source = _COMMENT.sub("", source)
    yield from _ARGUMENT.findall(source)
    yield " ".join(_MARKUP.sub(" ", source).split())


def sentences(path: Path) -> Iterator[str]:
    """Yield docstrings, messages and names of a module: of functions with `_` as spaces."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield " ".join(node.value.split())
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name.replace("_", " ")


def matches(banned: re.Pattern[str], text: str) -> list[str]:
    """Return what is banned in a text, each with what stands around it."""
    found = banned.finditer(text)
    return [
        f"{match[0]!r} in {text[max(match.start() - 40, 0) : match.end() + 40]!r}"
        for match in found
        if not text[: match.start()].endswith("chown -R ")  # a user of Unix
    ]


def test_no_template_has_a_banned_word() -> None:
    found = [
        f"{path.relative_to(TEMPLATES)}: {match}"
        for path in sorted(TEMPLATES.rglob("*"))
        if path.suffix in {".html", ".txt"} and path.name != "styleguide.html"
        for text in visible_text(path.read_text(encoding="utf-8"))
        for match in matches(_BANNED, text)
        if not any(right in text for right in _RIGHT)
    ]
    assert found == []


@pytest.mark.parametrize("app", [*PRODUCT, "benchmarks", "tools"])
def test_no_docstring_message_or_name_has_a_banned_word(app: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for path in sorted((ROOT / app).rglob("*.py"))
        for text in sentences(path)
        for match in matches(_BANNED_EVERYWHERE, text)
    ]
    assert found == []


def test_no_document_has_a_banned_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
        for banned in (_BANNED_EVERYWHERE, _BANNED_IN_DOCUMENTS)
        for match in matches(banned, " ".join(path.read_text(encoding="utf-8").split()))
    ]
    assert found == []


def test_no_test_is_named_by_a_banned_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for name in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
        if re.search(_BANNED_EVERYWHERE, name.replace("_", " ")) or "_told" in name
    ]
    assert found == []
