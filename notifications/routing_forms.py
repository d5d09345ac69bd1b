"""What admins choose for a channel."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms

from accounts.models import Org
from notifications.routing import EVENTS, RULE_CHOICES, QuietHours, Routing
from services.queries import environment_names, services_of

_SEVERITIES = [("low", "Low"), ("med", "Medium"), ("high", "High")]


def _choices(label: str, help_text: str = "") -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label, required=False, widget=forms.CheckboxSelectMultiple, help_text=help_text
    )


class RoutingForm(forms.Form):
    """Filters and quiet hours; none chosen of a kind means all of it."""

    severities = _choices("Severities", "None chosen: all.")
    events = _choices("When an incident is", "None chosen: all.")
    services = _choices("Services", "None chosen: all.")
    environments = _choices("Environments", "None chosen: all.")
    rules = _choices("Rules", "None chosen: all, and incidents that were opened manually.")
    quiet_since = forms.TimeField(label="Quiet from", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_until = forms.TimeField(label="until", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_zone = forms.CharField(label="in the zone", required=False, max_length=60)
    passing = _choices("Break through quiet hours")

    def __init__(self, *args: Any, org: Org, routing: Routing, **kwargs: Any) -> None:
        kwargs.setdefault("initial", _initial(routing))
        super().__init__(*args, **kwargs)
        rules = [(str(pk), name) for ask in RULE_CHOICES for pk, name in ask(org)]
        choices: dict[str, list[tuple[str, str]]] = {
            "severities": _SEVERITIES,
            "passing": _SEVERITIES,
            "events": list(EVENTS.items()),
            "services": [(str(each.pk), each.name) for each in services_of(org)],
            "environments": [(name, name) for name in environment_names(org)],
            "rules": rules,
        }
        for name, offered in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = offered
        self.fields["quiet_zone"].widget.attrs |= {
            "placeholder": "Europe/Berlin",
            "list": "zones",
            "spellcheck": "false",
        }

    def clean_quiet_zone(self) -> str:
        """Refuse a zone that does not exist."""
        zone: str = self.cleaned_data["quiet_zone"].strip()
        if zone and zone not in available_timezones():
            raise forms.ValidationError("There is no such zone. It is written like Europe/Berlin.")
        return zone

    def clean(self) -> dict[str, Any]:
        """Quiet hours need a beginning, an end and a zone, or none of them."""
        given = super().clean() or {}
        parts = [given.get(name) is not None and given.get(name) != "" for name in _QUIET]
        if any(parts) and not all(parts) and not self.errors:
            self.add_error("quiet_since", "Quiet hours need a beginning, an end and a zone.")
        if given.get("quiet_since") and given.get("quiet_since") == given.get("quiet_until"):
            self.add_error("quiet_until", "That would be the whole day. Switch the channel off instead.")
        return given

    @property
    def routing(self) -> Routing:
        """What a valid form says."""
        given = self.cleaned_data
        quiet = None
        if given["quiet_zone"]:
            passing = frozenset(given["passing"])
            quiet = QuietHours(given["quiet_zone"], given["quiet_since"], given["quiet_until"], passing)
        events = frozenset(given["events"])
        return Routing(
            severities=_unless_all(given["severities"], len(_SEVERITIES)),
            services=frozenset(given["services"]),
            environments=frozenset(given["environments"]),
            rules=frozenset(map(int, given["rules"])),
            events=_unless_all(events, len(EVENTS)),
            quiet=quiet,
        )


_QUIET = ("quiet_since", "quiet_until", "quiet_zone")


def _unless_all(chosen: Any, number: int) -> frozenset[str]:
    return frozenset() if len(chosen) == number else frozenset(chosen)


def _initial(routing: Routing) -> dict[str, Any]:
    quiet = routing.quiet
    return {
        "severities": sorted(routing.severities),
        "services": sorted(routing.services),
        "environments": sorted(routing.environments),
        "rules": [str(each) for each in sorted(routing.rules)],
        "events": sorted(routing.events),
        "quiet_since": quiet.since if quiet else None,
        "quiet_until": quiet.until if quiet else None,
        "quiet_zone": quiet.zone if quiet else "",
        "passing": sorted(quiet.passing) if quiet else ["high"],
    }
