"""What a reader of the explorer's page sees."""

from __future__ import annotations

import re
from html import unescape

from django.test import Client


def page(client: Client, query: str = "") -> str:
    """Return the explorer's page for `query`, the part of its address behind the question mark, as it reads."""
    response = client.get(f"/logs?{query}")
    assert response.status_code == 200
    return unescape(response.content.decode())


def rows(seen: str) -> list[str]:
    """Return the messages of the page's list."""
    if "data-logs" not in seen:
        return []
    found = re.findall(r'class="log__message">(.*?)</span>', seen.split("data-logs")[1], re.DOTALL)
    return [re.sub(r"</?mark>", "", each) for each in found]
