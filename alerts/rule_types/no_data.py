"""Nothing that matches was received within a window, although something had been in the day before it.

What is counted is 1 where it is silent. Silence begins once: a deployment that is in progress or has ended within the
window delays it, and once it has begun it lasts until something is received.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alerts.counting import Wanted
from alerts.evidence import last_lines, suspect
from alerts.history import STEP, Moments, Series, sliding, steps_received
from alerts.models import AlertFiring
from alerts.params import MINUTES_MAX, Params, param, query, whole
from alerts.rule_types.base import RuleType, Tally, Turn
from alerts.rule_types.log_windows import count_windows, query_field, window_field
from alerts.state_machine import Sample
from alerts.targets import Environments, ParsedRule
from deployments.queries import DeploymentSpan, deployment_spans
from incidents.evidence import Evidence
from incidents.models import Incident
from logs.reading import LogScope, Matching, Query, count_bars, heard_from
from pulseops.core.db.statement_timeout import BoundedQueryError, QueryFailedError, QueryTimeoutError
from services.models import Environment
from services.scopes import Scope, Scopes

_EXPECTED_FOR = timedelta(days=1)  # before the window: who has sent nothing for longer is not expected to
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDataParams(Params):
    """No log that matches `query` received within `window_minutes`."""

    window_minutes: int = param(5, whole(1, MINUTES_MAX))
    query: str = param("", query)

    @property
    def window(self) -> timedelta:
        """The window."""
        return timedelta(minutes=self.window_minutes)

    @property
    def matching(self) -> Matching:
        """What should be received."""
        return Matching("", self.query)


class NoData(RuleType[NoDataParams]):
    """See the module."""

    name = "no_data"
    label = "No data"
    position = 30
    params_class = NoDataParams
    fields = {"window_minutes": window_field(), "query": query_field()}
    incident_source = Incident.Source.ALERT

    def threshold(self, params: NoDataParams) -> int:
        """See RuleType."""
        return 1

    def count(self, rules: Sequence[ParsedRule], turn: Turn) -> Tally:
        """See RuleType; what was silent when the rule was made is not its news before a window has passed."""
        wanted = {each.rule.pk: Wanted(turn.org_id, "", each.params.window, each.params.query) for each in rules}
        result = count_windows(wanted, turn)
        longest = max(each.params.window for each in rules)
        spans = deployment_spans(turn.org_id, turn.now - longest, turn.now)
        counted = [each for each in rules if each.rule.pk in result.counts]
        for number, each in enumerate(counted):
            rule_id = each.rule.pk
            received = result.counts.pop(rule_id)
            seconds = turn.budget.left / 2 if number else turn.budget.seconds / 2
            if seconds <= 0:
                result.next_rules.add(rule_id)
                continue
            try:
                result.counts[rule_id] = dict.fromkeys(_silent(each, received, spans, turn, seconds), 1)
            except QueryFailedError as error:
                result.failed[rule_id] = f"The filter cannot be searched: {error.reason}."
            except QueryTimeoutError:
                (result.next_rules if number else result.slow).add(rule_id)
        return result

    def series(
        self, read: ParsedRule, environments: Environments, moments: Moments, seconds: float
    ) -> Mapping[UUID, Series]:
        """See RuleType."""
        window = read.params.window
        since = moments.start - window - _EXPECTED_FOR
        steps = steps_received(read, read.params.matching, environments, moments, since=since, seconds=seconds)
        spans = deployment_spans(read.rule.org_id, moments.start - window, moments.end)
        return {
            place: _silences(arrived, [each for each in spans if each.environment_id == place], window, moments)
            for place, arrived in steps.items()
        }

    def describe(self, params: NoDataParams) -> str:
        """See RuleType."""
        matching = f" that matches “{params.query}”" if params.query else ""
        return f"No log{matching} received for {params.window_minutes} min, which a deployment delays,"

    def evidence(self, params: NoDataParams, environment: Environment, sample: Sample) -> Evidence:
        """See RuleType: the last lines, how many an hour they were, and the deployment that may be the cause."""
        lines = last_lines(environment, params.matching, sample.at - params.window - _EXPECTED_FOR, sample.at)
        last_at = max((line.ts for line in lines), default=None)
        return Evidence(
            at=sample.at,
            count=0,
            threshold=0,
            window_minutes=params.window_minutes,
            filter=params.query,
            samples=lines,
            deployment=suspect(environment, sample.at),
            is_silence=True,
            last_at=last_at,
            last_hour=_count_in_hour(environment, params.matching, last_at) if last_at else None,
        )

    def describe_count(self, params: NoDataParams, count: int) -> str:
        """See RuleType."""
        return f"no log was received for {params.window_minutes} min."

    def is_new_detection(self, firing: AlertFiring, sample: Sample) -> bool:
        """See RuleType: a silence is detected once, however long it lasts."""
        return False

    def context(self, params: NoDataParams) -> dict[str, Any]:
        """See RuleType."""
        return {"windowMinutes": params.window_minutes}


def _silent(
    read: ParsedRule, received: Mapping[UUID, int], spans: Sequence[DeploymentSpan], turn: Turn, seconds: float
) -> set[UUID]:
    """Return the watched environments in which it is silent, where `received` is what came within the window."""
    rule, window = read.rule, read.params.window
    scopes = turn.environments.scopes.get(turn.org_id, Scopes(()))
    watched = {each.environment_id for each in scopes.all if turn.environments.is_watched(rule, each.environment_id)}
    quiet = watched - {place for place, count in received.items() if count}
    lasting = {place for place in quiet if (rule.pk, place) in turn.holding}
    if turn.now < rule.created_at + window:
        return lasting
    deploying = {each.environment_id for each in spans if each.delays(turn.now, window)}
    begun = quiet - lasting - deploying
    if not begun:
        return lasting
    places = [LogScope(turn.org_id, each.service_id, each.environment_id) for each in scopes.all
              if each.environment_id in begun]  # fmt: skip
    query_before = Query(turn.org_id, scopes, turn.now - window - _EXPECTED_FOR, read.params.matching)
    return lasting | heard_from(query_before, places, turn.now - window, seconds=seconds)


def _silences(
    arrived: Mapping[int, int], spans: Sequence[DeploymentSpan], window: timedelta, moments: Moments
) -> Series:
    """Give 1 for each moment of a silence and 0 for the others: `_silent` for the past."""
    last = max((number for number in arrived if number < 0), default=None)
    is_silent = False
    for number, count in sliding(arrived, window, moments):
        last = number if arrived.get(number) else last
        if count or last is None:
            is_silent = False
        elif not is_silent:
            is_expected = (number - last) * STEP < window + _EXPECTED_FOR
            is_silent = is_expected and not any(each.delays(moments.at(number), window) for each in spans)
        yield number, int(is_silent)


def _count_in_hour(environment: Environment, matching: Matching, until: datetime) -> int | None:
    """Count the matching logs of the hour up to `until`, None when that takes too long."""
    service = environment.service
    scopes = Scopes((Scope(service.pk, service.name, environment.pk, environment.name),))
    place = LogScope(service.org_id, service.pk, environment.pk)
    since, end = until - _HOUR, until + timedelta(microseconds=1)
    try:
        bars = count_bars(
            place, Query(service.org_id, scopes, since, matching), end, width=2 * _HOUR, origin=since, seconds=2
        )
    except BoundedQueryError:
        return None
    return sum(bars.values())


RULE_TYPE = NoData()
