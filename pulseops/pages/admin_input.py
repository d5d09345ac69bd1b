"""What someone made up for the Django admin's addresses and lists is a bad request, not an error of ours.

Its filters and actions hand parameters to the database as they came: a NUL, a word where an id belongs.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from pulseops.pages.error_pages import bad_request

_SHOWN = 300  # characters of an error
_REFUSALS = (ValidationError, DataError, ValueError, RecursionError)  # of UUIDs, texts, numbers, and JSON too deep
log = logging.getLogger(__name__)


class AdminInputMiddleware:
    """Answer 400 where a view of the admin fails over a value that no row can have."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the 400, None for any other error and any other page."""
        is_value = isinstance(exception, _REFUSALS)
        if not is_value or not request.path.startswith(reverse("admin:index")):
            return None
        where = traceback.extract_tb(exception.__traceback__)[-1:]
        about = {"error": f"{type(exception).__name__}: {str(exception)[:_SHOWN]}", "where": str(where)}
        log.warning("the admin was asked for what cannot be", extra=about)  # its text may be as long as the request
        return bad_request(request)
