"""What people enter about services, environments and keys."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.utils import timezone
from django.utils.safestring import mark_safe

from accounts.fields import TYPED_MAX, LineField
from pulseops.core.extensions import RETENTION_LOSSES
from services.models import RETENTION_DAYS_MAX, RETENTION_DAYS_MIN, Service


class NameField(LineField):
    """A name of one line, in which composed characters are one character."""

    def to_python(self, value: Any) -> str:
        return unicodedata.normalize("NFC", super().to_python(value))


class WebAddressField(forms.URLField):
    """An http or https address; one without a scheme gets https."""

    default_validators = [URLValidator(schemes=["http", "https"])]


@dataclass(frozen=True, slots=True)
class Lowering:
    """A shorter retention that has still to be confirmed: all logs from before `before` would go, `logs` of them."""

    days: int
    before: datetime
    logs: int


class ServiceForm(forms.Form):
    """A new service, or with `service` the change of one."""

    name = NameField(
        max_length=100,
        help_text=mark_safe("Unique in the organisation; searches find its logs by <code>service:name</code>."),
        widget=forms.TextInput(attrs={"placeholder": "checkout-api", "autocomplete": "off", "spellcheck": "false"}),
    )
    description = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    repo_url = WebAddressField(
        label="Repository",
        max_length=500,
        required=False,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"placeholder": "https://github.com/acme/checkout-api"}),
    )
    retention_days = forms.IntegerField(
        label="Keep logs for (days)",
        min_value=RETENTION_DAYS_MIN,
        max_value=RETENTION_DAYS_MAX,
        initial=7,
        help_text=f"{RETENTION_DAYS_MIN} to {RETENTION_DAYS_MAX}. Older logs are deleted.",
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), f"A whole number from {RETENTION_DAYS_MIN} to {RETENTION_DAYS_MAX}."
        ),
    )

    has_key = forms.BooleanField(
        label="Create an API key for production",
        required=False,
        initial=True,
        help_text="The next page shows it with snippets to paste.",
    )

    def __init__(self, *args: Any, service: Service | None = None, **kwargs: Any) -> None:
        self.service = service
        self.lowering: Lowering | None = None
        if service:
            kwargs["initial"] = {
                "name": service.name,
                "description": service.description or "",
                "repo_url": service.repo_url or "",
                "retention_days": service.retention_days,
            }
        super().__init__(*args, **kwargs)
        if service:
            del self.fields["has_key"]
        else:
            self.fields["name"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Ask once more before logs are lost: the button that then shows sends the days again as `lowered_to`."""
        values: dict[str, Any] = super().clean() or {}
        days = values.get("retention_days")
        if self.service and days and days < self.service.retention_days and self.data.get("lowered_to") != str(days):
            logs = sum(losses(self.service, days) for losses in RETENTION_LOSSES)
            self.lowering = Lowering(days, timezone.now() - timedelta(days=days), logs)
            self.add_error("retention_days", "This deletes logs; please confirm.")
        return values

    def name_taken(self) -> None:
        """Say that another service has the name."""
        self.add_error("name", "The organisation has a service of this name already.")


class EnvironmentForm(forms.Form):
    """The name of an environment."""

    name = NameField(
        max_length=60,
        help_text=mark_safe("Unique in the service; searches find its logs by <code>env:name</code>."),
        widget=forms.TextInput(attrs={"placeholder": "preview", "autocomplete": "off", "spellcheck": "false"}),
    )

    def name_taken(self) -> None:
        """Say that another environment has the name."""
        self.add_error("name", "The service has an environment of this name already.")


class ConfirmNameForm(forms.Form):
    """The name of what is to be deleted, typed once more."""

    typed_name = forms.CharField(label="Its name", max_length=TYPED_MAX, strip=True)

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        self.expected = expected
        super().__init__(*args, **kwargs)
        field = self.fields["typed_name"]
        field.label = f"Type “{expected}” to confirm"
        field.widget.attrs |= {
            "autocomplete": "off",
            "spellcheck": "false",
            "pattern": _exactly(expected),
            "title": f"Type {expected} exactly.",
        }

    def clean_typed_name(self) -> str:
        typed: str = self.cleaned_data["typed_name"]
        if typed != self.expected.strip():
            raise forms.ValidationError("This is not its name.")
        return typed


def _exactly(text: str) -> str:
    """Return an HTML pattern that matches `text` alone; the browser reads it with the flag v, which is strict."""
    return re.sub(r"[\^$\\.*+?()\[\]{}|/]", lambda found: "\\" + found[0], text.strip())
