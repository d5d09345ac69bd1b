"""The two choices that every reader may make, theme and zone: in cookies; a user's zone is kept with the account."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from pulseops.core.web import timezones
from pulseops.core.web.account_choices import account_of

THEMES = ("system", "light", "dark")
THEME_COOKIE = "theme"
_YEAR = 365 * 24 * 3600  # seconds


def theme(request: HttpRequest) -> str:
    """Return the reader's choice among THEMES."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "system"


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep the posted `theme` and go back to `next`."""
    chosen = request.POST.get("theme", "")
    return _keep(request, THEME_COOKIE, chosen if chosen in THEMES else "system")


@login_not_required
@require_POST
def set_zone(request: HttpRequest) -> HttpResponse:
    """Keep the posted `tz` and go back to `next`."""
    chosen = request.POST.get("tz", "")
    chosen = chosen if chosen in timezones.CHOICES else "local"
    if account := account_of(request):
        account.keep_preferences({timezones.CHOICE_COOKIE: chosen})
    return _keep(request, timezones.CHOICE_COOKIE, chosen)


def _keep(request: HttpRequest, cookie: str, value: str) -> HttpResponse:
    response = HttpResponseRedirect(safe_next(request))
    # The scripts write these cookies too, so they are not HttpOnly; they say nothing about who the reader is.
    response.set_cookie(cookie, value, max_age=_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    return response


def safe_next(request: HttpRequest, default: str = "/") -> str:
    """Return the posted `next` if it is an address of this site, else `default`.

    An empty `next` means the page that the form stands on, whose address is too long to be repeated in it.
    """
    target = request.POST.get("next", "") or _page_of_form(request)
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # What is not an address but a word, `redirect` would take for the name of a route.
    return target if is_ours and target.startswith(("/", "http://", "https://")) else default


def _page_of_form(request: HttpRequest) -> str:
    """Return the page that the browser says it comes from, without `tz`; empty if it says none, or no `next` was."""
    said = request.headers.get("Referer", "") if "next" in request.POST else ""
    try:
        scheme, host, path, query, _ = urlsplit(said)
    except ValueError:  # such as a bracket that is never closed
        return ""
    kept = [(name, value) for name, value in parse_qsl(query) if name != timezones.CHOICE_COOKIE]
    return urlunsplit((scheme, host, path, urlencode(kept), ""))
