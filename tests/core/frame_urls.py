"""Routes for tests of the frame: the style guide, a page per entry of the navigation, pages that fail in every way."""

from __future__ import annotations

from allauth.core.ratelimit import respond_429
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.utils import ConnectionHandler
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import include, path

from pulseops.core import urls as core_urls
from pulseops.pages import landing as pages
from pulseops.urls import handler400, handler403, handler404, handler429, handler500  # noqa: F401


@login_not_required
def show(request: HttpRequest) -> HttpResponse:
    return render(request, "base.html")


@login_not_required
def fail(request: HttpRequest, how: str) -> HttpResponse:
    if how == "400":
        raise SuspiciousOperation("odd")
    if how == "403":
        raise PermissionDenied("This needs the role admin.")
    if how == "403-bare":
        raise PermissionDenied
    if how == "405":
        return HttpResponseNotAllowed(["POST"])
    if how == "429":
        return respond_429(request)
    if how == "503":
        away = {"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": "1", "NAME": "x", "USER": "x"}
        connection = ConnectionHandler({"default": away})["default"]
        with connection.wrap_database_errors:
            connection.connect()
    raise RuntimeError("secret detail")


def _app(name: str, *pages_: str) -> tuple[list[object], str]:
    return [path(f"{name}/{page}" if page != "list" else name, show, name=page) for page in pages_], name


urlpatterns = [
    path("", pages.landing, name="landing"),
    path("", include(core_urls)),
    path("styleguide", pages.styleguide, name="styleguide"),
    path("fail/<how>", fail),
    path("api/fail/<how>", fail),
    path("favicon.ico", pages.favicon, name="favicon"),
    path("api/health", show, name="health"),
    path("dashboard", show, name="dashboard"),
    path("diagnostics", show, name="diagnostics"),
    path("login", show, name="account_login"),
    path("signup", show, name="account_signup"),
    path("logout", show, name="account_logout"),
    path("", include(_app("logs", "explorer"))),
    path("", include(_app("incidents", "list"))),
    path("", include(_app("deployments", "list"))),
    path("", include(_app("alerts", "list"))),
    path("", include(_app("services", "list"))),
    path("", include(_app("accounts", "members", "audit", "orgs", "profile", "sessions", "switch"))),
    path("", include(_app("notifications", "channels"))),
]
