"""So many logs of a level, that match a filter if there is one, within a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms

from alerts.counting import Wanted
from alerts.evidence import first_line_at, last_lines, suspect
from alerts.history import Moments, Series, sliding, steps_received
from alerts.models import AlertFiring
from alerts.params import LEVELS, MINUTES_MAX, THRESHOLD_MAX, Params, level, param, query, whole
from alerts.rule_types.base import RuleType, Tally, Turn
from alerts.rule_types.log_windows import count_windows, query_field, window_field
from alerts.state_machine import Sample
from alerts.targets import Environments, ParsedRule
from incidents.evidence import SAMPLES, Evidence
from incidents.models import Incident
from logs.models import Level
from logs.reading import Matching
from services.models import Environment

_SEEN_AGAIN = timedelta(seconds=20)  # detections closer than this are one


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCountParams(Params):
    """At least `threshold` logs of `level` that match `query`, received within `window_minutes`."""

    threshold: int = param(10, whole(1, THRESHOLD_MAX))
    window_minutes: int = param(5, whole(1, MINUTES_MAX), legacy_name="windowMinutes")
    level: str = param(Level.ERROR, level)
    query: str = param("", query)
    recovery_minutes: int = param(5, whole(0, MINUTES_MAX), legacy_name="recoveryMinutes")

    @property
    def window(self) -> timedelta:
        """The window."""
        return timedelta(minutes=self.window_minutes)

    @property
    def matching(self) -> Matching:
        """What is counted."""
        return Matching(self.level, self.query)


_DEFAULT = ErrorCountParams()


class ErrorCount(RuleType[ErrorCountParams]):
    """See the module."""

    name = "error_count"
    label = "Error count"
    position = 10
    params_class = ErrorCountParams
    incident_source = Incident.Source.ALERT
    fields = {
        "threshold": forms.IntegerField(
            label="At least", min_value=1, max_value=THRESHOLD_MAX, initial=_DEFAULT.threshold, required=False,
            help_text="Logs in the window.",
        ),
        "window_minutes": window_field(),
        "level": forms.ChoiceField(
            choices=[(each, each or "any") for each in reversed(LEVELS)], initial=_DEFAULT.level, required=False
        ),
        "query": query_field(),
    }  # fmt: skip

    def threshold(self, params: ErrorCountParams) -> int:
        """See RuleType."""
        return params.threshold

    def count(self, rules: Sequence[ParsedRule], turn: Turn) -> Tally:
        """See RuleType."""
        wanted = {
            each.rule.pk: Wanted(turn.org_id, each.params.level, each.params.window, each.params.query)
            for each in rules
        }
        return count_windows(wanted, turn)

    def series(
        self, read: ParsedRule, environments: Environments, moments: Moments, seconds: float
    ) -> Mapping[UUID, Series]:
        """See RuleType."""
        params = read.params
        steps = steps_received(
            read, params.matching, environments, moments, since=moments.start - params.window, seconds=seconds
        )
        return {each: sliding(arrived, params.window, moments) for each, arrived in steps.items()}

    def describe(self, params: ErrorCountParams) -> str:
        """See RuleType."""
        kind = f"{params.level} log" if params.level else "log"
        matching = f" that match “{params.query}”" if params.query else ""
        plural = "" if params.threshold == 1 else "s"
        return f"At least {params.threshold:,} {kind}{plural}{matching} within {params.window_minutes} min"

    def evidence(self, params: ErrorCountParams, environment: Environment, sample: Sample) -> Evidence:
        """See RuleType: count, threshold, sample lines and the deployment that may be the cause."""
        since = sample.at - params.window
        lines = last_lines(environment, params.matching, since, sample.at)
        times = [line.ts for line in lines]
        are_all = 0 < len(lines) < SAMPLES
        first_at = min(times) if are_all else first_line_at(environment, params.matching, since, sample.at)
        times += [first_at] if first_at else []
        return Evidence(
            at=sample.at,
            count=sample.count,
            threshold=params.threshold,
            window_minutes=params.window_minutes,
            level=params.level,
            filter=params.query,
            samples=lines,
            first_at=min(times) if first_at else None,
            last_at=max(times, default=None),
            deployment=suspect(environment, sample.at),
        )

    def describe_count(self, params: ErrorCountParams, count: int) -> str:
        """See RuleType."""
        what = f"{params.level} logs" if params.level else "logs"
        return f"{count:,} {what} in {params.window_minutes} min."

    def is_new_detection(self, firing: AlertFiring, sample: Sample) -> bool:
        """See RuleType: each time that some seconds have passed."""
        return sample.at - (firing.last_seen_at or firing.fired_at) >= _SEEN_AGAIN

    def context(self, params: ErrorCountParams) -> dict[str, Any]:
        """See RuleType."""
        return {"threshold": params.threshold, "windowMinutes": params.window_minutes}


RULE_TYPE = ErrorCount()
