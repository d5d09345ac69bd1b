"""Requests as Django sees them, but for the charset that they claim: addresses and forms are UTF-8.

Django takes any codec of Python's by its name, also those that decode no text (`rot13`) or refuse to (`undefined`). It
then decodes the query string by it while the request is made, where no middleware and no handler of errors is yet.
"""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """Knows the charset of its Content-Type in `content_params`, and does not decode anything by it."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Utf8Handler(WSGIHandler):
    """The WSGI application that makes such requests."""

    request_class = Utf8Request
