"""What admins enter about a service's repository, and what narrows the list of deployments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict

from deployments.actions import Connection
from deployments.models import GitHubIntegration
from services.models import Environment

_REPOSITORY = re.compile(
    r"(?:https?://github\.com/|git@github\.com:)?([A-Za-z0-9_.-]{1,100}+)/([A-Za-z0-9_.-]{1,100}+)/?"
)
_FIRST_BRANCHES = {"production": "main"}  # what a new integration proposes
_LONGEST_LIST = 2_000  # characters


def split_list(text: str) -> list[str]:
    """Return the words between commas and line ends, each once, in their order."""
    words = (" ".join(part.split()) for part in re.split(r"[,\n]", text))
    return list(dict.fromkeys(word for word in words if word))


class IntegrationForm(forms.Form):
    """Repository, workflows, and for each environment of the service its branches and its names on GitHub."""

    repository = forms.CharField(
        max_length=300,
        help_text="owner/name, or its address on GitHub.",
        widget=forms.TextInput(attrs={"placeholder": "acme/checkout", "autocomplete": "off", "spellcheck": "false"}),
    )
    workflows = forms.CharField(
        max_length=_LONGEST_LIST,
        required=False,
        label="Workflows that deploy",
        help_text="Names, separated by commas. Empty: runs of every workflow count.",
        widget=forms.TextInput(attrs={"placeholder": "Deploy", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        environments: Sequence[Environment],
        integration: GitHubIntegration | None = None,
        repository: str = "",
    ) -> None:
        self.environments = environments
        super().__init__(data, initial=_initial(environments, integration, repository))
        for environment in environments:
            self.fields[_branches(environment)] = _list_field("Branches", f"Branches that go to {environment.name}")
            self.fields[_names(environment)] = _list_field(
                "Other names on GitHub", f"Names of {environment.name} on GitHub"
            )

    def environment_fields(self) -> Iterable[tuple[Environment, BoundField, BoundField]]:
        """Give each environment with its two fields, for the template."""
        for environment in self.environments:
            yield environment, self[_branches(environment)], self[_names(environment)]

    def clean_repository(self) -> tuple[str, str]:
        match = _REPOSITORY.fullmatch(self.cleaned_data["repository"].strip())
        if match is None:
            raise forms.ValidationError("Write it as owner/name.")
        return match[1], match[2].removesuffix(".git") or match[2]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        self._collect(values, "environment_mapping", _branches, fold=False)
        self._collect(values, "environment_names", _names, fold=True)
        return values

    def _collect(self, values: dict[str, Any], into: str, field_of: Any, *, fold: bool) -> None:
        """Turn one list per environment into one mapping, and refuse what stands in two of them."""
        mapping: dict[str, str] = {}
        taken: dict[str, str] = {}
        for environment in self.environments:
            for word in split_list(values.get(field_of(environment), "")):
                key = word.lower() if fold else word
                if key in taken:
                    self.add_error(field_of(environment), f"{word} goes to {taken[key]} already.")
                taken[key] = mapping[word] = environment.name
        values[into] = mapping

    def connection(self) -> Connection:
        """Return what was entered; the form is valid."""
        owner, name = self.cleaned_data["repository"]
        return Connection(
            repo_owner=owner,
            repo_name=name,
            environment_mapping=self.cleaned_data["environment_mapping"],
            environment_names=self.cleaned_data["environment_names"],
            workflows=split_list(self.cleaned_data["workflows"]),
        )


def _branches(environment: Environment) -> str:
    return f"branches_{environment.pk.hex}"


def _names(environment: Environment) -> str:
    return f"names_{environment.pk.hex}"


def _list_field(label: str, accessible_name: str) -> forms.CharField:
    attributes = {"autocomplete": "off", "spellcheck": "false", "aria-label": accessible_name}
    return forms.CharField(
        label=label, max_length=_LONGEST_LIST, required=False, widget=forms.TextInput(attrs=attributes)
    )


def _initial(
    environments: Iterable[Environment], integration: GitHubIntegration | None, repository: str
) -> dict[str, str]:
    if integration is None:
        proposed = {_branches(each): _FIRST_BRANCHES.get(each.name, "") for each in environments}
        match = _REPOSITORY.fullmatch(repository.strip())
        return {**proposed, "repository": f"{match[1]}/{match[2].removesuffix('.git')}" if match else ""}
    values = {"repository": integration.repository, "workflows": ", ".join(integration.workflows)}
    for each in environments:
        values[_branches(each)] = _words_for(integration.branches(), each)
        values[_names(each)] = _words_for(integration.names_on_github(), each)
    return values


def _words_for(mapping: dict[str, str], environment: Environment) -> str:
    return ", ".join(word for word, name in mapping.items() if name.lower() == environment.name.lower())
