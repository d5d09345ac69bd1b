"""A deployment as lists show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.models import Org
from deployments.models import Deployment
from pulseops.core.extensions import DEPLOYMENT_ERRORS, ErrorChange


@dataclass(frozen=True, slots=True)
class Card:
    """A deployment in a lane, with what it did to the errors as far as that is known."""

    deployment: Deployment
    errors: ErrorChange | None


def error_changes(org: Org, deployments: Sequence[Deployment]) -> Mapping[int, ErrorChange]:
    """Return deployment id → what it did to the errors, from every app that knows."""
    result: dict[int, ErrorChange] = {}
    for ask in DEPLOYMENT_ERRORS:
        result |= ask(org, deployments)
    return result


def cards(deployments: Sequence[Deployment], errors: Mapping[int, ErrorChange]) -> list[Card]:
    """Make a card of each deployment."""
    return [Card(each, errors.get(each.pk)) for each in deployments]
