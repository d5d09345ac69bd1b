"""Addresses by the name of their route, where that part of the product is installed."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, reverse


def page_address(name: str) -> str:
    """Return the address of the route `name`, which takes no argument, for pages that name it a hundred times."""
    return _page_address(name, get_script_prefix(), settings.ROOT_URLCONF)


@lru_cache(maxsize=64)
def _page_address(name: str, _prefix: str, _urlconf: str) -> str:
    return reverse(name)


def address(name: str, *args: object) -> str:
    """Return the address of the route `name` with `args`; "" when there is no such route."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
