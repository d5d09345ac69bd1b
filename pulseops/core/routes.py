"""Addresses by the name of their route, where that part of the product is installed."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse


def address(name: str, *args: object) -> str:
    """Return the address of the route `name` with `args`; "" when there is no such route."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
