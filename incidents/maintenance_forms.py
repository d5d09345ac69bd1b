"""What people enter about maintenance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms

from accounts.models import Org
from incidents.forms import EnvironmentField
from services.models import Service
from services.queries import services_of

_LENGTHS = {
    "15m": ("15 minutes", timedelta(minutes=15)),
    "1h": ("1 hour", timedelta(hours=1)),
    "4h": ("4 hours", timedelta(hours=4)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
}


class WindowForm(forms.Form):
    """A service, or one environment, for a while; more than a day is for admins."""

    service: forms.ModelChoiceField[Service] = forms.ModelChoiceField(None, required=False, empty_label="Choose…")
    environment = EnvironmentField(required=False, empty_label="all of the service")
    length = forms.ChoiceField(label="For")
    reason = forms.CharField(max_length=500, required=False)

    def __init__(self, *args: Any, org: Org, is_admin: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        service, environment, length = self.fields["service"], self.fields["environment"], self.fields["length"]
        assert isinstance(service, forms.ModelChoiceField)
        assert isinstance(environment, EnvironmentField)
        assert isinstance(length, forms.ChoiceField)
        service.queryset = services_of(org)
        environment.of(org)
        day = timedelta(days=1)
        length.choices = [(key, label) for key, (label, delta) in _LENGTHS.items() if is_admin or delta <= day]

    def clean(self) -> dict[str, Any]:
        """A service or an environment is needed, and they have to fit."""
        given = super().clean() or {}
        service, environment = given.get("service"), given.get("environment")
        if not service and not environment:
            self.add_error("service", "Choose a service or an environment.")
        elif service and environment and environment.service_id != service.pk:
            self.add_error("environment", f"It is not an environment of {service.name}.")
        return given

    def values(self, now: datetime) -> dict[str, Any]:
        """What a valid form says, as open_window takes it."""
        given = self.cleaned_data
        environment = given["environment"]
        return {
            "service": given["service"] or environment.service,
            "environment": environment,
            "until": now + _LENGTHS[given["length"]][1],
            "reason": given["reason"],
        }
