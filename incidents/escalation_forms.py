"""What admins enter about escalation."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import Org
from incidents.models import Severity
from notifications.queries import channel_names
from notifications.routing import RULE_CHOICES

_MINUTES_MAX, _REPEATS_MAX = 24 * 60, 10


class PolicyForm(forms.Form):
    """A policy for a severity or a rule; saving another one for the same replaces it."""

    target = forms.ChoiceField(label="For incidents of")
    after_minutes = forms.IntegerField(label="Remind after (min)", min_value=1, max_value=_MINUTES_MAX, initial=10)
    repeats = forms.IntegerField(label="Repeat (times at most)", min_value=0, max_value=_REPEATS_MAX, initial=3)
    channels = forms.MultipleChoiceField(
        label="From the second time also notify", required=False, widget=forms.CheckboxSelectMultiple,
        help_text="They are notified even if their routing excludes the incident.",
    )  # fmt: skip

    def __init__(self, *args: Any, org: Org, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = [(f"rule:{pk}", name) for ask in RULE_CHOICES for pk, name in ask(org)]
        severities = [(f"severity:{value}", f"{label} severity") for value, label in Severity.choices]
        target, channels = self.fields["target"], self.fields["channels"]
        assert isinstance(target, forms.ChoiceField)
        assert isinstance(channels, forms.MultipleChoiceField)
        target.choices = [("Severity", severities[::-1]), *([("Rule", rules)] if rules else [])]
        channels.choices = list(channel_names(org).items())
        if not channels.choices:
            channels.help_text = "There is no channel yet: add one under Notifications."

    @property
    def values(self) -> dict[str, Any]:
        """What a valid form says, as set_policy takes it."""
        given = self.cleaned_data
        kind, _, value = given["target"].partition(":")
        return {
            "severity": value if kind == "severity" else None,
            "rule_id": int(value) if kind == "rule" else None,
            "after": given["after_minutes"],
            "repeats": given["repeats"],
            "channels": given["channels"],
        }
