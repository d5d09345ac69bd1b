"""Fields that forms of people and organisations share: bounded before anything is done with what was typed."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator

from accounts.models import User
from accounts.passwords import PASSWORD_RULES

ORG_NAME_MAX, TYPED_MAX = 80, 2_000  # characters; the second of a name that is typed once more
PASSWORD_MAX = 1_000  # far above what a password may have, which says so itself


class LineField(forms.CharField):
    """One line of text: runs of white space become one space, control characters are refused.

    What is longer than `max_length` is refused before anything is made of it: normalising costs the square of a length.
    """

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        self._check_length = MaxLengthValidator(max_length)

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        self._check_length(text)
        line = " ".join(text.split())
        if any(unicodedata.category(character) == "Cc" for character in line):
            raise ValidationError("This holds characters that cannot be shown.", code="control_characters")
        return line


class DayField(forms.DateField):
    """A day within what PostgreSQL and every zone's offset can hold."""

    widget = forms.DateInput(attrs={"type": "date"})
    default_validators = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class NewEmailField(forms.EmailField):
    """An address to be stored; its case is kept but for the domain's."""

    widget = forms.EmailInput(attrs={"autocomplete": "email"})

    def to_python(self, value: Any) -> str:
        return User.objects.normalize_email(super().to_python(value))


class KnownEmailField(forms.CharField):
    """An address to be looked up: whatever an old account has, odd ones too."""

    widget = forms.EmailInput(attrs={"autocomplete": "username"})


def password_field(label: str, *, is_new: bool) -> forms.CharField:
    """Make the field for a password: one to be chosen, with the rules, or the current one."""
    attributes = {"autocomplete": "new-password" if is_new else "current-password"}
    return forms.CharField(
        label=label,
        strip=False,
        max_length=PASSWORD_MAX,
        widget=forms.PasswordInput(attrs=attributes),
        help_text=PASSWORD_RULES if is_new else "",
    )
