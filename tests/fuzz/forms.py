"""Every form and every parameter of the pages, as the pages themselves show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

from django.test import Client

from tests.fuzz.mutations import Field
from tests.visits.pages import ACTIONS, Page

# Parameters that a view reads though no link or form shows them, or only in a state that these rows do not have.
PARAMETERS = (
    "q", "from", "to", "at", "row", "add", "after", "before", "org", "zone", "tz", "next", "state", "severity", "environment",
    "service", "format", "window", "period", "connect", "integration", "verify", "page", "level", "action", "actor", "type",
    "since", "until", "assignee", "code", "error", "process", "sort", "o", "p", "all", "_popup", "host", "index", "token",
)  # fmt: skip


@dataclass(slots=True)
class Shape:
    """A form or a link: where it leads, how, and with which fields. `is_for_strangers`: who signs in gets another."""

    method: str
    path: str
    fields: list[Field] = field(default_factory=list)
    is_for_strangers: bool = False


class _Reader(HTMLParser):
    """Collects forms with their fields, and links with a query."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.found = address, list[Shape]()
        self._form: Shape | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name in ("href", "hx-get", "data-url"):
            if "?" in given.get(name, ""):
                self._link(given[name])
        if tag == "form" or "hx-post" in given:
            path = urljoin(self.address, given.get("action") or given.get("hx-post") or self.address)
            self._form = Shape("POST" if "hx-post" in given else given.get("method", "get").upper(), path)
            self.found.append(self._form)
        elif (
            self._form and tag in {"input", "textarea", "button"} and given.get("name", "csrf") != "csrfmiddlewaretoken"
        ):
            if "name" in given:
                self._form.fields.append((given["name"], given.get("value", "")))
        elif self._form and tag == "select":
            self._select = given.get("name", "")
            self._form.fields.append((self._select, ""))
        elif self._form and tag == "option" and self._select and given.get("value"):
            self._form.fields[-1] = (self._select, given["value"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""

    def _link(self, address: str) -> None:
        parts = urlsplit(urljoin(self.address, address))
        if not parts.netloc and parts.path.startswith("/"):
            self.found.append(Shape("GET", parts.path, parse_qsl(parts.query, keep_blank_values=True)))


def shapes(client: Client, pages: Iterable[Page]) -> list[Shape]:
    """Open each page once; returns the page itself, and the forms and links that it shows, each kind once."""
    found: dict[tuple[str, ...], Shape] = {}
    for page in pages:
        parts = urlsplit(page.address)
        itself = Shape("POST" if page.name in ACTIONS else "GET", parts.path, parse_qsl(parts.query))
        for shape in [itself, *_shown(client, page.address)]:
            names = sorted({name for name, _ in shape.fields})
            found.setdefault((shape.method, shape.path, *names), shape)
    return list(found.values())


def strangers_shapes(addresses: Iterable[str]) -> list[Shape]:
    """Open pages that ask for no session; returns these and the forms on them."""
    found = []
    for address in addresses:
        found += [Shape("GET", address), *(each for each in _shown(Client(), address) if each.method == "POST")]
    for each in found:
        each.is_for_strangers = True
    return found


def _shown(client: Client, address: str) -> list[Shape]:
    response = client.get(address)
    if response.streaming or not response.headers.get("Content-Type", "").startswith("text/html"):
        return []
    reader = _Reader(address)
    reader.feed(response.content.decode())
    return reader.found
