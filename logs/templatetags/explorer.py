"""Ways from one page of the explorer to another: links, and where a query is too long to stand in each, buttons."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django import template
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from logs.explorer.choices import ADD, DROP, FREE, SET
from logs.explorer.state import LONGEST_LINK, ExplorerState

register = template.Library()
_AMPERSAND = re.compile(r"&(?=[A-Za-z0-9#])")  # any other stands for itself
_ATTRIBUTES = {
    "hx_target": "hx-target", "hx_select": "hx-select", "hx_swap": "hx-swap", "rel": "rel", "keep": "data-keep",
    "key": "data-key", "filter": "data-filter", "title": "title", "label": "aria-label", "export": "formaction",
    "closes": "data-drawer-close",
}  # fmt: skip


@register.simple_block_tag(takes_context=True)
def explorer_link(  # what the element says, each by its name
    context: Context, content: SafeString, url: str, *, css: str = "", is_current: bool = False, **said: Any
) -> SafeString:
    """Show `content` as a link to the explorer's `url`; where that is long, as a button that asks for the change alone.

    The button is of the search's form, which has the query once. It asks for what changes beside the query, or for one
    change of that: `add` a query, `drop` a term by its number, `free` a column. Further arguments are attributes;
    `export` has where the form is sent instead of to the page.
    """
    is_long = len(url) > LONGEST_LINK
    change = next(((name, said.pop(name)) for name in (ADD, DROP, FREE) if name in said), None)
    attributes = {_ATTRIBUTES[name]: value for name, value in said.items() if value}
    if is_current:
        attributes["aria-current"] = "true"
    if not is_long:
        if attributes.pop("formaction", ""):
            attributes |= {"hx-boost": "false", "download": ""}
        attributes = ({"class": css} if css else {}) | {"href": url} | attributes
        return format_html("<a{}>{}</a>", _written(attributes), content)
    attributes = {name: value for name, value in attributes.items() if not name.startswith("hx-")}
    name, value = change or (SET, _changes(context["explorer"], url))
    button = {"class": css or "link", "type": "submit", "form": "log-search", "name": name, "value": str(value)}
    return format_html("<button{}>{}</button>", _written(button | attributes), content)


def _written(attributes: dict[str, str]) -> SafeString:
    return format_html_join("", ' {}="{}"', attributes.items())


@register.filter
def quoted(text: str) -> SafeString:
    """Return `text` as an attribute's value, in the quotes that it has fewer of: it may be long."""
    mark, code = ('"', "&#34;") if text.count('"') <= text.count("'") else ("'", "&#39;")
    return mark_safe(mark + _AMPERSAND.sub("&amp;", text).replace(mark, code) + mark)  # noqa: S308  # escaped for both


def _changes(explorer: ExplorerState, url: str) -> str:
    """Return what of the page at `url` differs from this one, as the query string of an address; nothing is empty."""
    here, there = explorer.params(), dict(parse_qsl(urlsplit(url).query))
    changed = {name: there.get(name, "") for name in {**here, **there} if here.get(name) != there.get(name)}
    return urlencode(changed, safe=":,-*/")
