"""How large the body of a page's request may be. Machine routes, which stand before this, have limits of their own.

Anyone who has neither account nor key makes us read PAGE_MAX_BYTES at most, and no file (`NoFiles`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from pulseops.core.web.body import declared_length, is_chunked
from pulseops.pages.error_pages import length_required, too_large

log = logging.getLogger(__name__)


class PageBodyMiddleware:
    """Refuse bodies that no page takes, unread: more than PAGE_MAX_BYTES (413), and those without a length (411).

    It stands before everything that looks into a form.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_chunked(request):
            return length_required(request)
        size = declared_length(request) or 0
        if size > settings.PAGE_MAX_BYTES:
            log.warning("a body was refused", extra={"path": request.path, "bytes": size})
            return too_large(request)
        return self.get_response(request)
