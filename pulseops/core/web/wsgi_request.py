"""Requests as Django sees them, but for two things: the charset that they claim, and too many parameters.

Addresses and forms are UTF-8, whatever the charset is called.
Django takes any codec of Python's by its name, also those that decode no text (`rot13`) or refuse to (`undefined`). It
then decodes the query string by it while the request is made, where no middleware and no handler of errors is yet.

A query string of more than DATA_UPLOAD_MAX_NUMBER_FIELDS parameters is refused by Django each time it is looked at, and
so by the page that says so, and by the page of that error.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest, get_bytes_from_wsgi
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """Knows the charset of its Content-Type in `content_params`, and does not decode anything by it."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))

    @cached_property
    def GET(self) -> QueryDict:  # type: ignore[override]  # noqa: N802 - Django's name and kind of property
        """The parameters of the address. Raises TooManyFieldsSent once; from then on there are none."""
        try:
            return QueryDict(get_bytes_from_wsgi(self.environ, "QUERY_STRING", ""), encoding=self._encoding)  # type: ignore[attr-defined]
        except TooManyFieldsSent:
            self.GET = QueryDict()
            raise


class Utf8Handler(WSGIHandler):
    """The WSGI application that makes such requests."""

    request_class = Utf8Request
