"""What people enter about incidents."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.models import Org, User
from accounts.queries import users_of
from incidents.models import Severity
from incidents.record import POSTMORTEM
from pulseops.core.ui.times import zone_label
from services.queries import environments_of

_TITLE = 200
SNOOZES = {
    "30m": ("30 minutes", timedelta(minutes=30)),
    "1h": ("1 hour", timedelta(hours=1)),
    "4h": ("4 hours", timedelta(hours=4)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
}


class EnvironmentField(forms.ModelChoiceField):
    """An environment of the organisation, grouped by its service."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(None, **kwargs)

    def of(self, org: Org) -> bool:
        """Offer the environments of `org`; returns whether there are any."""
        rows = environments_of(org)
        self.queryset = rows
        groups: dict[str, list[tuple[Any, str]]] = {}
        for each in rows:
            groups.setdefault(each.service.name, []).append((each.pk, f"{each.service.name} / {each.name}"))
        self.choices = [("", self.empty_label or ""), *groups.items()]
        return bool(groups)


class IncidentForm(forms.Form):
    """A new incident, opened by hand."""

    title = forms.CharField(
        max_length=_TITLE, widget=forms.TextInput(attrs={"placeholder": "Checkout answers 502", "autocomplete": "off"})
    )
    environment = EnvironmentField(label="Where", empty_label="Choose…")
    severity = forms.ChoiceField(choices=Severity.choices, initial=Severity.MEDIUM)
    description = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 4}), help_text="What is known so far."
    )

    def __init__(self, *args: Any, org: Org, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["environment"]
        assert isinstance(field, EnvironmentField)
        self.has_places = field.of(org)


class WordsForm(forms.Form):
    """Title and description of an incident."""

    title = forms.CharField(max_length=_TITLE)
    description = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 4}))


class CauseForm(forms.Form):
    """What the cause was, when an incident is resolved."""

    cause = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "Timeout of the payment provider", "autocomplete": "off"}),
    )


def _long(label: str, help_text: str, rows: int = 3) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, required=False, max_length=10_000, widget=area, help_text=help_text)


class PostmortemForm(forms.Form):
    """What a review says of an incident; `seen` holds digests of what the writer saw when they began."""

    description = _long("Summary", "What happened, in two sentences.")
    impact = _long("Impact", "Who felt it, how much and for how long.")
    cause = _long("Cause", "Why it happened, and why it was not noticed before.")
    follow_ups = _long("Follow-ups", "One a line: what is to be done, by whom, until when.", rows=4)
    seen = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    @property
    def texts(self) -> dict[str, str]:
        """What a valid form says, with one kind of line ends."""
        return {name: self.cleaned_data[name].replace("\r\n", "\n") for name in POSTMORTEM}


class NoteForm(forms.Form):
    """A note; `happened_at` is in the reader's zone, empty for now."""

    text = forms.CharField(
        label="Note",
        max_length=10_000,
        widget=forms.Textarea(
            attrs={
                "rows": 1,
                "placeholder": "What you found, tried or decided",
                "data-submit": "",
                "title": "⌘ or Ctrl and Enter adds it",
            }
        ),
    )
    happened_at = forms.DateTimeField(required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    is_sent = forms.BooleanField(label="Send it to the channels", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["happened_at"].label = f"Happened at ({zone_label()}), if not now"

    def clean_happened_at(self) -> datetime | None:
        """Refuse the future."""
        at: datetime | None = self.cleaned_data["happened_at"]
        if at and at > timezone.now() + timedelta(minutes=1):
            raise forms.ValidationError("That is in the future.")
        return at


def _small_select() -> forms.Select:
    return forms.Select(attrs={"class": "input input--sm"})


class SeverityForm(forms.Form):
    """How bad it is."""

    severity = forms.ChoiceField(choices=Severity.choices, widget=_small_select())


class SnoozeForm(forms.Form):
    """For how long an incident is left alone; empty ends that. More than a day is for admins."""

    length = forms.ChoiceField(label="Snooze for", required=False, widget=_small_select())

    def __init__(self, *args: Any, is_admin: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["length"]
        assert isinstance(field, forms.ChoiceField)
        day = timedelta(days=1)
        lengths = [(key, label) for key, (label, length) in SNOOZES.items() if is_admin or length <= day]
        field.choices = [("", "not snoozed"), *lengths]

    @property
    def duration(self) -> timedelta | None:
        """What a valid form says."""
        chosen = self.cleaned_data["length"]
        return SNOOZES[chosen][1] if chosen else None


class MemberField(forms.ModelChoiceField):
    """People by name."""

    def label_from_instance(self, obj: User) -> str:
        return obj.display_name


class AssigneeForm(forms.Form):
    """The assignee: a member of the organisation, or none."""

    assignee = MemberField(None, required=False, empty_label="unassigned", widget=_small_select())

    def __init__(self, *args: Any, org: Org, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["assignee"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = users_of(org)
