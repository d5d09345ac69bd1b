"""What the templates of mails need."""

from __future__ import annotations

from django import template
from django.template.defaultfilters import stringfilter

from notifications.messages import unlinked as _unlinked

register = template.Library()


@register.filter
@stringfilter
def unlinked(text: str) -> str:
    """Write what people or programs wrote so that no mail program makes a link of it."""
    return _unlinked(text)
