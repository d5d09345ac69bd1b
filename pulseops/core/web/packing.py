"""Pages are sent packed (gzip), which is a fifth of their size or less.

What is packed together with a secret tells of it by its length (BREACH), to someone who can let a reader's browser ask
for pages of their choice and sees how long the answers are. So nothing is packed that another site has asked for, each
page has up to a hundred random bytes more, tokens differ in every page, and cookies are not sent along by other sites.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

_FOREIGN = {"cross-site", "same-site"}  # who has asked, as browsers say; same-site is another host of the domain


class PackingMiddleware(GZipMiddleware):
    """Django's, which adds the random bytes, for HTML alone: files and machines' answers are not made of secrets."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        """Pack a page."""
        is_page = not response.streaming and response.headers.get("Content-Type", "").startswith("text/html")
        if not is_page or request.headers.get("Sec-Fetch-Site") in _FOREIGN:
            return response
        return super().process_response(request, response)
