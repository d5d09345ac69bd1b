"""The documentation, for anyone: it says nothing about this installation, and who sends logs may have no account."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.tenancy import public
from pulseops.docs import pages
from pulseops.docs.search import LONGEST, search


@public
@require_safe
def bare(request: HttpRequest) -> HttpResponse:
    """Lead from /docs to the index."""
    return HttpResponseRedirect(reverse("docs:index"))


@public
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List the documents, or with `q` the places in them that have its words."""
    query = request.GET.get("q", "").strip()[:LONGEST]
    values = {"groups": pages.groups(), "base": _base(request), "query": query, "hits": search(query)}
    return render(request, "docs/index.html", values)


@public
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a document."""
    try:
        document = pages.document(slug)
    except KeyError as error:
        raise Http404 from error
    values = {"document": document, "slug": slug, "groups": pages.groups(), "base": _base(request)}
    return render(request, "docs/page.html", values)


@public
@require_safe
def image(request: HttpRequest, name: str) -> HttpResponse:
    """Give a picture of a document."""
    path = pages.image_path(name)
    if path is None:
        raise Http404
    headers = {"Cache-Control": "public, max-age=3600"}
    return HttpResponse(path.read_bytes(), content_type="image/png", headers=headers)


def _base(request: HttpRequest) -> str:
    return "base.html" if request.user.is_authenticated else "base_public.html"
