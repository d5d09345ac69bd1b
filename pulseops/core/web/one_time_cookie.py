"""What is shown once: it travels from the answer that made it to the page that shows it, in a cookie of that page."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect


def redirect_to_show(page: str, *, cookie: str, value: str, seconds: int) -> HttpResponse:
    """Lead to `page`, the only address that `cookie` is sent to, for `seconds`; that page takes it back."""
    response = redirect(page)
    response.set_cookie(
        cookie,
        value,
        max_age=seconds,
        path=page,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response
