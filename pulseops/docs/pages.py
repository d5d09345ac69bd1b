"""Which documents there are, in which order, and how each links to the others."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.text import Truncator

from pulseops.docs.markdown import Document, Image, render
from services.snippets import Snippet, filled_groups
from services.snippets.catalog import GROUPS as CLIENT_GROUPS

# Documents for those who use or run PulseOps, by the name of their file in docs/.
GROUPS = (
    ("Use", ("send-logs", "search", "deployments", "alerts", "incidents", "notifications", "roles")),
    ("Send logs from", tuple(f"send-logs-{group.slug}" for group in CLIENT_GROUPS if group.slug)),
    ("Operate", ("operations", "security", "moving-from-pulseops-lite")),
    ("Reference", ("http-api", "message-bodies", "performance")),
)

_IMAGES = Path(settings.BASE_DIR) / "docs" / "images"
_SUMMARY = 160  # characters of a document's first sentence
_SNIPPETS = "../services/snippets/clients/"  # as a document links to the files there


@dataclass(frozen=True, slots=True)
class Link:
    """A document in the navigation."""

    slug: str
    title: str
    url: str
    summary: str  # its first sentence


@dataclass(frozen=True, slots=True)
class Group:
    """Documents of one kind."""

    title: str
    links: Sequence[Link]


def groups() -> list[Group]:
    """Return the documents that there are, in their order."""
    result = [Group(title, [_link(slug) for slug in slugs if _is(slug)]) for title, slugs in GROUPS]
    return [group for group in result if group.links]


def _link(slug: str) -> Link:
    shown = document(slug)
    first = shown.passages[0].text if shown.passages else ""
    sentence = first.split(". ")[0].rstrip(".:")
    return Link(slug, shown.title, reverse("docs:page", args=[slug]), Truncator(sentence).chars(_SUMMARY))


def document(slug: str) -> Document:
    """Return a document; raises KeyError when it is not among those that are shown."""
    if not _is(slug):
        raise KeyError(slug)
    path = _path(slug)
    return _rendered(slug, path.stat().st_mtime_ns, settings.PUBLIC_URL)


def _is(slug: str) -> bool:
    return any(slug in slugs for _, slugs in GROUPS) and _path(slug).is_file()


def _path(slug: str) -> Path:
    return Path(settings.BASE_DIR) / "docs" / f"{slug}.md"


@lru_cache(maxsize=64)
def _rendered(slug: str, changed_at: int, public_url: str) -> Document:
    """Render a document once for each time that its file was changed; it says the address of this installation."""
    text = _path(slug).read_text(encoding="utf-8")
    return render(text, resolve=partial(_resolve, slug), embed=_snippets, image=_image)


def image_path(name: str) -> Path | None:
    """Return the file of a picture of the documents, None if there is none of this name."""
    path = _IMAGES / f"{name}.png"
    return path if path.is_file() else None


def _image(src: str) -> Image | None:
    name = src.removeprefix("images/").removesuffix(".png")
    path = image_path(name) if src == f"images/{name}.png" else None
    if path is None:
        return None
    with path.open("rb") as file:
        head = file.read(24)
    width, height = struct.unpack(">II", head[16:24])  # of IHDR, the first chunk of a PNG
    return Image(reverse("docs:image", args=[name]), width // 2, height // 2)  # two pixels of the file for each


def _snippets(hrefs: Sequence[str]) -> str:
    """Show the texts that a list of links to their files leads to, several with a choice between them."""
    names = [href.removeprefix(_SNIPPETS) for href in hrefs if href.startswith(_SNIPPETS)]
    result: dict[str, Snippet] = {each.filename: each for group in filled_groups() for each in group.snippets}
    if len(names) != len(hrefs) or not set(names) <= set(result):
        return ""
    if len(names) == 1:
        return render_to_string("components/client.html", {"snippet": result[names[0]], "is_marked": True})
    values = {"snippets": [result[name] for name in names], "id": "snippets", "label": "Language"}
    return render_to_string("components/snippets.html", values)


def _resolve(slug: str, href: str) -> str:
    """Turn a link of the file `slug`.md into one of the page: other documents are pages, too."""
    parts = urlsplit(href)
    if parts.scheme or parts.netloc or not parts.path.endswith(".md"):
        return href
    target = parts.path.removeprefix("./").removeprefix("docs/").removesuffix(".md")
    if not _is(target):
        return reverse("docs:index")
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    return reverse("docs:page", args=[target]) + anchor
