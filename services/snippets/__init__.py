"""Texts that make what sends logs send them here, to be copied and used as they stand: the files in `clients/`.

They say `https://pulseops.example` and `pol_YOUR_KEY`, so that each is a whole program or configuration by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from services.snippets.catalog import GROUPS, PROGRAMS
from services.snippets.client import Client, ClientGroup

_FOLDER = Path(__file__).resolve().parent / "clients"
_HOST = "pulseops.example"  # as the files say it
PLACEHOLDER = "pol_YOUR_KEY"
_WORDS = re.compile(rf"https://any:{PLACEHOLDER}@{re.escape(_HOST)}|(?:https://)?{re.escape(_HOST)}(?::443)?|\b443\b")


@dataclass(frozen=True, slots=True)
class Snippet:
    """The text of one client, with this installation's address in it."""

    client: Client
    code: str

    @property
    def label(self) -> str:
        """The client's name."""
        return self.client.label

    @property
    def filename(self) -> str:
        """What the text may be saved as."""
        return self.client.filename


@dataclass(frozen=True, slots=True)
class SnippetGroup:
    """The texts of clients of one kind."""

    group: ClientGroup
    snippets: list[Snippet]


def filled_snippets(key: str = PLACEHOLDER) -> list[Snippet]:
    """Return our own programs, one for each language, with this installation's address and `key` in them."""
    return _filled_group(PROGRAMS, key)


def filled_groups(key: str = PLACEHOLDER) -> list[SnippetGroup]:
    """Return the texts of all clients by group, with this installation's address and `key` in them."""
    return [SnippetGroup(group, _filled_group(group, key)) for group in GROUPS]


def _filled_group(group: ClientGroup, key: str) -> list[Snippet]:
    return [Snippet(each, _filled(each, settings.PUBLIC_URL).replace(PLACEHOLDER, key)) for each in group.clients]


@lru_cache(maxsize=256)
def _filled(client: Client, public_url: str) -> str:
    """Return a client's text for an installation at `public_url`: its scheme, host and port, where they stand."""
    address = urlsplit(public_url)
    scheme, host = address.scheme, address.hostname or ""
    port = str(address.port or (443 if scheme == "https" else 80))
    with_port = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    words = {
        f"https://any:{PLACEHOLDER}@{_HOST}": f"{scheme}://any:{PLACEHOLDER}@{address.netloc}",
        f"https://{_HOST}:443": f"{scheme}://{with_port}",
        f"https://{_HOST}": public_url,
        f"{_HOST}:443": with_port,
        _HOST: host,
        "443": port,
    }
    code = (_FOLDER / client.filename).read_text(encoding="utf-8").rstrip("\n")
    code = _WORDS.sub(lambda match: words[match[0]], code)
    return code if scheme == "https" else code.replace(*client.plain_http)
