"""What a request cost the server, said in the answer's Server-Timing: for benchmarks, never for an installation."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

COUNT = "X-Visit-Count"  # a request with this header tells of its queries; the writing down of them costs time


class CountingMiddleware:
    """Tell the milliseconds from the first middleware to the last, and the queries of the one who asks for them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection.force_debug_cursor = COUNT in request.headers
        began = time.perf_counter()
        response = self.get_response(request)
        told = f"app;dur={(time.perf_counter() - began) * 1000:.2f}"
        if connection.force_debug_cursor:
            told += f', queries;desc="{len(connection.queries_log)}"'
            connection.force_debug_cursor = False
        response["Server-Timing"] = told
        return response
