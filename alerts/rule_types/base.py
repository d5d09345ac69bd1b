"""What a type of rule is: what it counts, live and in the past, and how it speaks of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from django import forms

from alerts.counting import Counts
from alerts.history import Moments, Series
from alerts.models import AlertFiring
from alerts.params import Params
from alerts.state_machine import Sample
from alerts.targets import Environments, ParsedRule
from incidents.evidence import Evidence
from pulseops.core.budget import TimeBudget
from services.models import Environment

P = TypeVar("P", bound=Params)


@dataclass(slots=True)
class Tally:
    """What was counted for one organisation's rules, by rule id: for each its environments, none that has nothing.

    A rule that stands in `slow` or `failed`, or in none of the three, was not counted: nothing is known, which is not
    zero. `next_rules` are those for which time was up; the next turn goes on with the first of them.
    """

    counts: dict[int, Counts] = field(default_factory=dict)
    slow: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)
    next_rules: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Turn:
    """One organisation's counting as of `now`: its environments, its time, and where conditions hold by now."""

    org_id: UUID
    environments: Environments
    now: datetime
    budget: TimeBudget
    holding: Collection[tuple[int, UUID]] = ()  # (rule, environment)


class RuleType(ABC, Generic[P]):
    """A type of rule. It holds where at least `threshold` is counted."""

    name: ClassVar[str]
    label: ClassVar[str]
    position: ClassVar[int]  # among the types that the form offers
    params_class: type[P]
    fields: ClassVar[Mapping[str, forms.Field]]  # what the form asks for beside what every type has
    incident_source: ClassVar[str]

    @abstractmethod
    def threshold(self, params: P) -> int:
        """Return from which count on the condition holds."""

    @abstractmethod
    def count(self, rules: Sequence[ParsedRule], turn: Turn) -> Tally:
        """Count for all rules of this type of one organisation, in their order, within what is left of its time.

        Environments that a rule does not watch may be among the counts.
        """

    @abstractmethod
    def series(
        self, read: ParsedRule, environments: Environments, moments: Moments, seconds: float
    ) -> Mapping[UUID, Series]:
        """Return what `count` would have found at moments of the past, by watched environment.

        Raises BoundedQueryError.
        """

    @abstractmethod
    def describe(self, params: P) -> str:
        """Say when the condition holds; the scope follows."""

    @abstractmethod
    def evidence(self, params: P, environment: Environment, sample: Sample) -> Evidence:
        """Collect what an incident keeps, as it is now."""

    @abstractmethod
    def describe_count(self, params: P, count: int) -> str:
        """Say what was counted, after “The rule fired again:”."""

    @abstractmethod
    def is_new_detection(self, firing: AlertFiring, sample: Sample) -> bool:
        """Return whether a sample while the condition holds counts as a further detection."""

    def context(self, params: P) -> dict[str, Any]:
        """Return what the report says of the parameters."""
        return {}
