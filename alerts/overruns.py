"""What is held against a rule whose counting takes too long: after some times in a row it rests, longer each time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings

from alerts.models import AlertRule
from alerts.rule_types.base import Tally
from alerts.targets import ParsedRule
from pulseops.core.ui.times import duration

log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)


def note_verdicts(
    rules: Iterable[ParsedRule], unreadable: Mapping[AlertRule, str], result: Tally, now: datetime, *, is_trial: bool
) -> None:
    """Let the rules' pages say what is wrong with each, or nothing any more; writes only what is news.

    A rule that was not counted this time keeps what stands there. In a trial slow ones do, too.
    """
    problems = dict(unreadable)
    fine = []
    for each in rules:
        rule = each.rule
        if rule.pk in result.failed:
            problems[rule] = result.failed[rule.pk]
        elif rule.pk in result.slow and not is_trial:
            _note_overrun(rule, now)
        elif rule.pk in result.counts and (rule.problem or rule.overruns or rule.paused_until):
            fine.append(rule.pk)
    if fine:
        AlertRule.objects.filter(pk__in=fine).update(problem=None, overruns=0, paused_until=None)
    for rule, problem in problems.items():
        if rule.problem != problem:
            log.warning("a rule is skipped", extra={"rule": rule.pk, "problem": problem})
            AlertRule.objects.filter(pk=rule.pk).update(problem=problem)


def _note_overrun(rule: AlertRule, now: datetime) -> None:
    rule.overruns += 1
    beyond = rule.overruns - settings.ALERT_RULE_OVERRUNS
    if beyond >= 0:
        pause = min(_FIRST_PAUSE * 2 ** min(beyond, 10), _LONGEST_PAUSE)
        rule.paused_until = now + pause
        rule.problem = (
            f"Counting takes longer than {settings.ALERT_ORG_SECONDS / 2:g} s, so the rule rests for "
            f"{duration(pause.total_seconds())} after each try. A narrower filter or a shorter window may do."
        )
        log.warning("a rule takes too long and rests", extra={"rule": rule.pk, "seconds": pause.total_seconds()})
    rule.save(update_fields=["overruns", "paused_until", "problem"])
