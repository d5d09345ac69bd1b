"""Forms about API keys, and what stands in them: networks, origins, dates."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone

from accounts.fields import DayField
from services.forms import NameField
from services.key_actions import KeyPolicy
from services.models import ApiKey, Environment, Service

_LONGEST_ORIGIN = 260  # characters


# Names in other scripts as browsers send them, xn--….
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?/?"
)

_LONGEST_NETWORK = 50  # characters; the longest IPv6 network has 43
_MAPPED_BITS = 96  # before the IPv4 address in an IPv6 address that is made of one

RATE_MAX = 10_000_000  # logs a minute

GRACES = (
    (timedelta(0), "At once"),
    (timedelta(hours=1), "In 1 hour"),
    (timedelta(hours=24), "In 24 hours"),
    (timedelta(days=7), "In 7 days"),
)


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
    return str(_plain(network))


def _plain(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return an IPv4 network that is written as IPv6 (::ffff:192.0.2.0/120) as what it is: clients are known so."""
    first = network.network_address
    if isinstance(first, IPv6Address) and first.ipv4_mapped and network.prefixlen >= _MAPPED_BITS:
        return IPv4Network((first.ipv4_mapped, network.prefixlen - _MAPPED_BITS))
    return network


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
            raise forms.ValidationError("This day is in the past.", code="past")
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
