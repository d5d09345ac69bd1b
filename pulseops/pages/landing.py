"""The pages above all apps that anyone may see: landing, robots.txt and, in development, the style guide."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from accounts.preferences import start_url
from accounts.queries import SignUp, sign_up_state
from accounts.tenancy import public
from pulseops.pages import sample_data


@public
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Say what this is; a user who is signed in goes on to where the work is."""
    home = start_url(request.user) if request.user.is_authenticated else ""
    if home:
        return HttpResponseRedirect(home)
    sign_up = sign_up_state()
    context = {
        "preview": sample_data.preview(),
        "sign_up_is_open": sign_up is not SignUp.CLOSED,
        "is_first": sign_up is SignUp.FIRST,
    }
    return render(request, "pages/landing.html", context)


@public
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Keep crawlers to the landing page: everything else is behind a session."""
    return HttpResponse("User-agent: *\nAllow: /$\nDisallow: /\n", content_type="text/plain; charset=utf-8")


@public
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead browsers that ask at the old address, as they do for JSON, to the icon."""
    return HttpResponseRedirect(static("img/favicon.svg"))


@public
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component with its variants; routed only with DEBUG on."""
    return render(request, "pages/styleguide.html", sample_data.styleguide(request))
