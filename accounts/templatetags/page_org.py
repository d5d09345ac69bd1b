"""`{% csrf_token %}` as Django has it, and the organisation that the page is about; settings load it in every template.

So each form says which organisation it was filled in for, with no script, and none can forget to. tenancy.py reads it.
"""

from __future__ import annotations

from django.template import Context, Library
from django.template.base import Parser, Token
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.tenancy import PAGE_ORG

register = Library()


class PageTokenNode(CsrfTokenNode):
    """Django's hidden field, and ours after it."""

    def render(self, context: Context) -> SafeString:
        """Return the hidden fields; for someone without an organisation Django's alone."""
        token = SafeString(super().render(context))
        org = getattr(context.get("request"), "org", None)
        return format_html('{}<input type="hidden" name="{}" value="{}">', token, PAGE_ORG, org.pk) if org else token


@register.tag
def csrf_token(parser: Parser, token: Token) -> PageTokenNode:
    """Replace Django's tag of this name."""
    return PageTokenNode()
