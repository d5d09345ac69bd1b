"""What admins enter about alert rules."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.models import Org
from alerts.models import AlertRule
from alerts.params import MINUTES_MAX, ParamsError
from alerts.rule_types import read_params, rule_types
from incidents.forms import EnvironmentField
from incidents.models import Severity
from services.queries import services_of

COOLDOWN_MAX = 7 * 24 * 3600  # seconds
MUTE_OF_DEVELOPERS = timedelta(hours=24)
MUTES = {"1h": timedelta(hours=1), "8h": timedelta(hours=8), "24h": timedelta(hours=24), "7d": timedelta(days=7)}


def _minutes(label: str, least: int, initial: int, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=least, max_value=MINUTES_MAX, initial=initial, help_text=help_text, required=False
    )


class ServiceField(forms.ModelChoiceField):
    """A service of the organisation, by its name."""


class RuleForm(forms.Form):
    """A new rule, or with `rule` the change of one. `values` is what actions take. A draft is only to be tried, so it
    needs no name yet.
    """

    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"placeholder": "Many errors"}))
    type = forms.ChoiceField(label="Watch", choices=lambda: [(each.name, each.label) for each in rule_types().values()])
    service = ServiceField(None, required=False, empty_label="any, each evaluated separately")
    environment = EnvironmentField(required=False, empty_label="any, each evaluated separately")
    for_minutes = _minutes("Must hold for (min)", 0, 0, "0 fires immediately.")
    recovery_minutes = _minutes("Auto-resolve after (min)", 0, 5, "0 resolves it as soon as the condition is clear.")
    cooldown_seconds = forms.IntegerField(
        label="Cooldown (s)", min_value=0, max_value=COOLDOWN_MAX, initial=300,
        help_text="If it fires again within this time, the same incident is reopened.",
    )  # fmt: skip
    severity = forms.ChoiceField(choices=Severity.choices, initial=Severity.MEDIUM)
    enabled = forms.BooleanField(required=False, initial=True, label="Active")

    def __init__(
        self, *args: Any, org: Org, rule: AlertRule | None = None, is_draft: bool = False, **kwargs: Any
    ) -> None:
        self.org = org
        if rule:
            kwargs.setdefault("initial", _initial(rule))
        super().__init__(*args, **kwargs)
        self.fields["name"].required = not is_draft
        service, environment = self.fields["service"], self.fields["environment"]
        assert isinstance(service, ServiceField)
        assert isinstance(environment, EnvironmentField)
        service.queryset = services_of(org)
        environment.of(org)
        self.params_names = ("for_minutes", "recovery_minutes", *self._add_fields_of_types())
        for name in self.params_names:
            if self.fields[name].initial is not None:
                self.fields[name].widget.attrs["data-default"] = ""

    def _add_fields_of_types(self) -> list[str]:
        """Add what each type asks for, and say in `data-only` for which types a field is."""
        users: dict[str, list[str]] = {}
        for rule_type in rule_types().values():
            for name, field in rule_type.fields.items():
                users.setdefault(name, []).append(rule_type.name)
                self.fields.setdefault(name, deepcopy(field))
        for name, types in users.items():
            self.fields[name].widget.attrs["data-only"] = " ".join(types)
        return list(users)

    @property
    def type_fields(self) -> list[forms.BoundField]:
        """The fields that only some types have."""
        return [field for field in self if "data-only" in field.field.widget.attrs]

    @property
    def has_details(self) -> bool:
        """Whether something of what most rules leave as it is was changed, or is wrong."""
        fields = [self[name] for name in ("for_minutes", "recovery_minutes", "cooldown_seconds", "enabled")]
        return any(field.errors or str(field.value()) != str(field.field.initial) for field in fields)

    @property
    def wrong_words(self) -> str:
        """What is wrong with what was entered so far; empty where something is only missing."""
        wrong = [self[name] for name in self.errors if name in self.fields and self.data.get(name)]
        return " ".join(f"{field.label}: {' '.join(map(str, field.errors))}" for field in wrong)

    def clean(self) -> dict[str, Any]:
        """Check that scope and parameters fit together."""
        given = super().clean() or {}
        service, environment = given.get("service"), given.get("environment")
        if service and environment and environment.service_id != service.pk:
            self.add_error("environment", f"It is not an environment of {service.name}.")
        try:
            entered = {name: given[name] for name in self.params_names if given.get(name) is not None}
            self.params = read_params(given.get("type", ""), entered)
        except ParamsError as error:
            for name, problem in error.problems.items():
                self.add_error(name if name in self.fields else None, problem)
        return given

    @property
    def values(self) -> dict[str, Any]:
        """What a valid form says, as create_rule and change_rule take it."""
        given = self.cleaned_data
        names = ("name", "type", "service", "environment", "severity", "enabled", "cooldown_seconds")
        return {**{name: given[name] for name in names}, "params_json": self.params.to_json()}

    def unsaved_rule(self) -> AlertRule:
        """Return the rule that a valid form describes, to be tried."""
        return AlertRule(org=self.org, created_at=timezone.now(), **self.values)


def _initial(rule: AlertRule) -> dict[str, Any]:
    """Fill the form with a rule; parameters that cannot be read are shown as they stand."""
    try:
        params = read_params(rule.type, rule.params_json).to_json()
    except ParamsError:
        params = dict(rule.params_json) if isinstance(rule.params_json, dict) else {}
    fixed = ("name", "type", "service", "environment", "severity", "enabled", "cooldown_seconds")
    return {**params, **{name: getattr(rule, name) for name in fixed}}


_MUTE_LABELS = [("", "not muted"), ("1h", "1 hour"), ("8h", "8 hours"), ("24h", "24 hours"), ("7d", "7 days")]


class MuteForm(forms.Form):
    """For how long; empty ends the muting."""

    length = forms.ChoiceField(
        choices=_MUTE_LABELS,
        required=False,
        label="Mute for",
    )

    def __init__(self, *args: Any, is_admin: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["length"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (key, label) for key, label in _MUTE_LABELS if is_admin or MUTES.get(key, timedelta()) <= MUTE_OF_DEVELOPERS
        ]
