"""What the pages about oneself have in common."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

register = template.Library()
_TABS = (
    ("Profile", "accounts:profile", "/account"),
    ("Password", "account_change_password", "/account/password"),
    ("Two-factor sign-in", "mfa_index", "/account/2fa"),
    ("Connections", "accounts:connections", "/account/connections"),
    ("Sessions", "accounts:sessions", "/account/sessions"),
    ("Organisations", "accounts:orgs", "/orgs"),
)


@register.inclusion_tag("components/tabs.html", takes_context=True)
def account_tabs(context: dict[str, Any]) -> dict[str, Any]:
    """Show the tabs of one's own account, with that of the current page marked."""
    path = context["request"].path
    current = max((each for each in _TABS if path.startswith(each[2])), key=lambda each: len(each[2]), default=None)
    items = [{"label": each[0], "url": reverse(each[1]), "is_current": each == current} for each in _TABS]
    return {"items": items, "label": "Your account"}
