"""What people enter about services, environments and keys."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from ipaddress import ip_network
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import URLValidator
from django.utils import timezone
from django.utils.safestring import mark_safe

from accounts.forms import TYPED_MAX, DayField, LineField
from pulseops.core.extensions import RETENTION_LOSSES
from services.actions import KeyPolicy
from services.models import RETENTION_DAYS_MAX, RETENTION_DAYS_MIN, ApiKey, Environment, Service

_LONGEST_ORIGIN = 260  # characters
# Names in other scripts as browsers send them, xn--….
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_LONGEST_NETWORK = 50  # characters; the longest IPv6 network has 43
RATE_MAX = 10_000_000  # logs a minute
GRACES = (
    (timedelta(0), "At once"),
    (timedelta(hours=1), "In 1 hour"),
    (timedelta(hours=24), "In 24 hours"),
    (timedelta(days=7), "In 7 days"),
)


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
        if not service:
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


class NetworksField(forms.CharField):
    """Addresses and networks between commas or white space, at most API_KEY_NETWORKS; cleaned to a list or None."""

    widget = forms.TextInput(attrs={"placeholder": "192.0.2.0/24, 2001:db8::7", "autocomplete": "off"})

    def to_python(self, value: Any) -> list[str] | None:  # type: ignore[override]  # a list, not the text
        text = super().to_python(value) or ""
        if len(text) > _LONGEST_NETWORK * settings.API_KEY_NETWORKS:
            raise forms.ValidationError(self._too_many(), code="too_many")
        words = text.replace(",", " ").split()
        if len(words) > settings.API_KEY_NETWORKS:
            raise forms.ValidationError(self._too_many(), code="too_many")
        return list(dict.fromkeys(map(_network, words))) or None

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def _too_many(self) -> str:
        return f"At most {settings.API_KEY_NETWORKS} addresses or networks."


def _network(word: str) -> str:
    try:
        network = ip_network(word, strict=False)
    except ValueError as error:
        raise _not_a_network(word) from error
    if "%" in str(network):  # a zone, which means something on one machine alone
        raise _not_a_network(word)
    return str(network)


def _not_a_network(word: str) -> forms.ValidationError:
    return forms.ValidationError(f"{word[:_LONGEST_NETWORK]} is not an address or a network.", code="no_network")


class OriginsField(forms.CharField):
    """Origins of web pages between commas or white space, at most API_KEY_ORIGINS; cleaned to a list or None."""

    widget = forms.TextInput(attrs={"placeholder": "https://shop.example.com", "autocomplete": "off"})

    def to_python(self, value: Any) -> list[str] | None:  # type: ignore[override]  # a list, not the text
        text = super().to_python(value) or ""
        if len(text) > (_LONGEST_ORIGIN + 2) * settings.API_KEY_ORIGINS:
            raise forms.ValidationError(self._too_many(), code="too_many")
        words = text.replace(",", " ").split()
        if len(words) > settings.API_KEY_ORIGINS:
            raise forms.ValidationError(self._too_many(), code="too_many")
        return list(dict.fromkeys(map(_origin, words))) or None

    def _too_many(self) -> str:
        return f"At most {settings.API_KEY_ORIGINS} origins."

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value


def _origin(word: str) -> str:
    """Return an origin as browsers write it: scheme, host, and a port that is not the scheme's own."""
    match = _ORIGIN.fullmatch(word.lower())
    if match is None or int(match["port"] or 0) > 65_535:
        text = f"{word[:_LONGEST_ORIGIN]} is not an origin, such as https://shop.example.com."
        raise forms.ValidationError(text, code="no_origin")
    port = match["port"]
    is_usual = (match["scheme"], port) in {("https", "443"), ("http", "80")}
    return f"{match['scheme']}://{match['host']}" + (f":{int(port)}" if port and not is_usual else "")


class KeyForm(forms.Form):
    """The label and limits of a key."""

    label = NameField(
        max_length=100,
        required=False,
        help_text="Which program uses this key.",
        widget=forms.TextInput(attrs={"placeholder": "web servers in Frankfurt", "autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=ApiKey.Scope.choices,
        initial=ApiKey.Scope.values,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    rate_per_minute = forms.IntegerField(label="Logs a minute", min_value=1, max_value=RATE_MAX, required=False)
    expires_on = DayField(
        label="Last day",
        required=False,
        help_text="The key works until the end of this day. Empty: until it is revoked.",
    )
    networks = NetworksField(
        label="Only from",
        required=False,
        help_text="Addresses and networks that requests may come from. Empty: from anywhere.",
    )
    origins = OriginsField(
        label="For web pages of",
        required=False,
        help_text="Origins whose scripts may send logs with this key; nothing else may then. Anyone who visits "
        "them can read the key, so it can do nothing but send logs, and few. Empty: not for browsers.",
    )

    def __init__(self, *args: Any, key: ApiKey | None = None, **kwargs: Any) -> None:
        self.key = key
        if key:
            kwargs["initial"] = {
                "label": key.label,
                "scopes": key.scopes,
                "rate_per_minute": key.rate_per_minute,
                "expires_on": _last_day(key.expires_at),
                "networks": key.networks,
                "origins": key.origins,
            }
        super().__init__(*args, **kwargs)
        self.fields["rate_per_minute"].help_text = (
            f"Requests beyond it are answered 429. Empty: the default of {settings.INGEST_RATE_PER_MINUTE:,}, "
            f"or {settings.INGEST_BROWSER_RATE_PER_MINUTE:,} for web pages."
        )

    def clean_expires_on(self) -> date | None:
        """Refuse a new day that is over."""
        day: date | None = self.cleaned_data["expires_on"]
        if day and day < timezone.localdate() and "expires_on" in self.changed_data:
            raise forms.ValidationError("This day is over.", code="past")
        return day

    def clean(self) -> dict[str, Any]:
        """Put what bounds the key together as its `policy`."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("origins") and values.get("scopes", [ApiKey.Scope.LOGS]) != [ApiKey.Scope.LOGS]:
            self.add_error("scopes", "A key for web pages may send logs only.")
        if not self.errors:
            day = values.pop("expires_on")
            is_kept = self.key is not None and "expires_on" not in self.changed_data
            expires_at = self.key.expires_at if self.key and is_kept else _end_of(day)
            values["policy"] = KeyPolicy(
                values.pop("scopes"), expires_at, values.pop("networks"), values.pop("origins")
            )
        return values


def _last_day(expires_at: datetime | None) -> date | None:
    """Return the last day, in the reader's zone, on all of which the key works, or on a part of it."""
    return timezone.localdate(expires_at - timedelta(microseconds=1)) if expires_at else None


def _end_of(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min)) if day else None


class NewKeyForm(KeyForm):
    """A key to be made for one of a service's environments."""

    environment = forms.ModelChoiceField(queryset=Environment.objects.none(), empty_label=None)
    field_order = ["environment", "label", "scopes"]

    def __init__(self, *args: Any, service: Service, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["environment"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Environment.objects.filter(service=service).order_by("name")


class RotateForm(forms.Form):
    """When the old key ends."""

    grace = forms.TypedChoiceField(
        label="The old key ends",
        choices=[(str(round(each.total_seconds())), words) for each, words in GRACES],
        coerce=lambda seconds: timedelta(seconds=int(seconds)),
        initial="86400",
        widget=forms.RadioSelect,
    )


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
