"""Our Markdown as HTML: tables, anchors on headings, code with a copy button; raw HTML stays text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

_PHONE_LETTERS = 45  # as many as stand beside each other in a table on a phone; three of them separate two columns
_LANGUAGES = {"sh": "Terminal", "bash": "Terminal", "json": "JSON", "python": "Python", "yaml": "YAML", "sql": "SQL"}
_CELLS = {"td_open", "td_close", "th_open", "th_close"}


@dataclass(frozen=True, slots=True)
class Heading:
    """A section of a document: its words and the anchor that leads to it."""

    title: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Passage:
    """What stands under one heading, as plain words; the document's title has no anchor."""

    title: str
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document as HTML without its title; `sections` are its second-level headings, `passages` are for searches."""

    title: str
    html: SafeString
    sections: Sequence[Heading]
    passages: Sequence[Passage] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: where it is, and how large it is shown, in CSS pixels."""

    url: str
    width: int
    height: int


def render(
    text: str,
    *,
    resolve: Callable[[str], str],
    embed: Callable[[Sequence[str]], str] = lambda hrefs: "",
    image: Callable[[str], Image | None] = lambda src: None,
) -> Document:
    """Render Markdown; `resolve` turns the address of a link as it stands in the file into the one of the page.

    `image` finds a picture by how it is named in the file; one that it does not know is left to its words.
    `embed` is shown the addresses of a paragraph that is nothing but links, and gives HTML in its place, or "".
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.use(anchors_plugin, max_level=6, slug_func=lambda words: slugify(words) or "section")
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    tokens = parser.parse(text)
    title = _take_title(tokens)
    sections, passages = _sections(tokens), list(_passages(title, tokens))
    tokens = _embed(tokens, embed)
    for token in _all(tokens):
        if token.type == "link_open":
            token.attrSet("href", resolve(str(token.attrGet("href") or "")))
        if token.type == "image":
            _place_image(token, image(str(token.attrGet("src") or "")))
        if token.type in _CELLS:
            token.block = False  # no line of its own: of thousands that is kilobytes
            if "style" in token.attrs:  # how a column is aligned
                token.attrs = {"class": "num"} if "right" in str(token.attrs["style"]) else {}
    _stack_wide_tables(tokens)
    # The parser escapes all text (html is off), and the rules below escape theirs.
    html = mark_safe(parser.renderer.render(tokens, parser.options, {}))  # noqa: S308
    return Document(title, html, sections, passages)


def _place_image(token: Token, image: Image | None) -> None:
    """Give a picture its address, and its size so that nothing moves when it comes."""
    if image is None:
        token.type, token.tag, token.content = "text", "", token.content
        return
    size = {"width": str(image.width), "height": str(image.height)}
    token.attrs = {"src": image.url, "alt": "", "loading": "lazy", "class": "docs__image", **size}


def _embed(tokens: Sequence[Token], embed: Callable[[Sequence[str]], str]) -> list[Token]:
    shown: list[Token] = []
    for token in tokens:
        html = embed(hrefs) if token.type == "inline" and (hrefs := _only_links(token)) else ""
        if html:
            shown[-1] = Token("html_block", "", 0, content=html)  # in place of the paragraph's begin
        elif shown and shown[-1].type == "html_block" and token.type == "paragraph_close":
            continue
        else:
            shown.append(token)
    return shown


def _only_links(inline: Token) -> list[str]:
    """Return where the links of a paragraph lead; none if it says anything beside them."""
    depth = 0
    for child in inline.children or ():
        depth += child.nesting
        if depth == 0 and child.type == "text" and child.content.strip(" ·"):
            return []
    return [str(child.attrGet("href")) for child in inline.children or () if child.type == "link_open"]


def _all(tokens: Sequence[Token]) -> list[Token]:
    return [each for token in tokens for each in (token, *(token.children or ()))]


def _take_title(tokens: list[Token]) -> str:
    """Take the first heading out, if it is of the first level: the page has it in its head."""
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        title = _words(tokens[1])
        del tokens[:3]
        return title
    return ""


def _sections(tokens: Sequence[Token]) -> list[Heading]:
    return [
        Heading(_words(inline), str(opening.attrGet("id")))
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open" and opening.tag == "h2"
    ]


def _passages(title: str, tokens: Sequence[Token]) -> Iterator[Passage]:
    heading, words = Heading(title, ""), list[str]()
    for before, token in pairwise([None, *tokens]):
        if before and before.type == "heading_open" and token:
            yield Passage(heading.title, heading.anchor, " ".join(words))
            heading, words = Heading(_words(token), str(before.attrGet("id"))), []
        elif token and token.type in {"inline", "fence"}:
            words += (_words(token) if token.type == "inline" else token.content).split()
    yield Passage(heading.title, heading.anchor, " ".join(words))


def _stack_wide_tables(tokens: Sequence[Token]) -> None:
    """Let each row of a table become a block on a phone, where the table's longest words have no room side by side."""
    opening = 0
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            opening = index
        elif token.type == "table_close":
            _stack(tokens[opening], tokens[opening:index])


def _stack(table: Token, parts: Sequence[Token]) -> None:
    heads = [_words(inline) for cell, inline in pairwise(parts) if cell.type == "th_open"]
    cells = [(cell, _words(inline)) for cell, inline in pairwise(parts) if cell.type == "td_open"]
    least = 0
    for number, head in enumerate(heads):
        words = [word for _, words in cells[number :: len(heads)] for word in words.split()]
        least += 3 + max(map(len, (head, *words)))
    if least <= _PHONE_LETTERS:
        return
    table.attrSet("class", "table table--stack")
    for number, (cell, _) in enumerate(cells):
        head = heads[number % len(heads)]
        if len(heads) > 2 and number % len(heads) and head:
            cell.attrSet("data-label", head)


def _words(inline: Token) -> str:
    parts = {"softbreak": " ", "hardbreak": " "}
    return "".join(
        parts.get(child.type, child.content)
        for child in inline.children or ()
        if child.type in {"text", "code_inline", *parts}
    )


def _heading_close(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    anchor, words = tokens[index - 2].attrGet("id"), _words(tokens[index - 1])
    link = f'<a class="anchor" href="#{anchor}" aria-label="Link to {escape(words)}">#</a>'
    return f" {link}</{tokens[index].tag}>\n"


def _table_open(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    css = tokens[index].attrGet("class") or "table"
    return f'<div class="table-wrap" tabindex="0" role="region" aria-label="Table"><table class="{css}">\n'


def _table_close(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>\n"


def _code(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    language = tokens[index].info.strip().split(" ")[0]
    values = {"code": tokens[index].content.rstrip("\n"), "id": f"code-{index}", "title": _LANGUAGES.get(language, "")}
    return render_to_string("components/code.html", values)


_RULES: dict[str, Callable[..., str]] = {
    "heading_close": _heading_close,
    "table_open": _table_open,
    "table_close": _table_close,
    "fence": _code,
    "code_block": _code,
}
