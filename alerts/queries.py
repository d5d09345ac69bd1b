"""What pages read of alert rules; everything starts from one organisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, DateTimeField, Exists, Max, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, JSONObject
from django.utils import timezone

from accounts.models import Org
from alerts.describe import in_words
from alerts.models import AlertFiring, AlertRule
from alerts.routing import notified_by_each
from incidents.queries import opened_by_rule
from pulseops.core.ui.charts import Bucket

OPENED_DAYS = 7
_HOUR, _OPENED_STEP = timedelta(hours=1), timedelta(hours=6)
_GOING_ON = Q(firings__resolved_at=None, firings__environment__isnull=False)


@dataclass(frozen=True, slots=True)
class RuleSummary:
    """A rule as a row of the list: in words, how many environments it fires in, and when it last did."""

    rule: AlertRule
    words: str
    firing: int
    last_fired_at: datetime | None
    opened: Sequence[Bucket] = ()  # incidents of the last days, by steps
    channels: Sequence[str] = ()  # that are notified

    @property
    def opened_count(self) -> int:
        """How many incidents it opened in those days."""
        return sum(each.total for each in self.opened)

    @property
    def state(self) -> str:
        """In a word: off, error (cannot be read), firing, muted or on."""
        if not self.rule.enabled:
            return "off"
        if self.rule.problem:
            return "error"
        if self.firing:
            return "failing"
        return "muted" if is_muted(self.rule) else "on"

    @property
    def label(self) -> str:
        """The state as it is shown."""
        return {"on": "Active", "failing": "Firing", "error": "Broken"}.get(self.state, self.state.capitalize())


def is_muted(rule: AlertRule) -> bool:
    """Return whether the rule opens nothing now."""
    return rule.muted_until is not None and rule.muted_until > timezone.now()


def has_rules() -> Exists:
    """Annotates organisations: whether there is any rule."""
    return Exists(AlertRule.objects.filter(org=OuterRef("pk")))


def rules_named(org: Org, words: Sequence[str], *, limit: int) -> list[AlertRule]:
    """Return the rules whose names have all of `words`."""
    rows = AlertRule.objects.for_org(org).filter(reduce(and_, (Q(name__icontains=word) for word in words)))
    return list(rows.order_by("name", "pk")[:limit])


def unreadable_rules(org: Org) -> QuerySet[AlertRule, tuple[Any, ...]]:
    """Return (None, "rule", name, what is wrong) of the rules that cannot be evaluated; they can be part of a union."""
    rows = AlertRule.objects.for_org(org).exclude(problem=None).exclude(problem="").order_by("name")
    return rows.values_list(Value(None, DateTimeField()), Value("rule"), "name", "problem")


def rule_summaries(org: Org) -> list[RuleSummary]:
    """Return the organisation's rules by name, with the incidents of the last week; three queries."""
    rows = AlertRule.objects.for_org(org).select_related("service", "environment__service")
    results: QuerySet[Any] = rows.annotate(
        firing=Count("firings", filter=_GOING_ON), last=Max("firings__fired_at")
    ).order_by("name", "pk")
    rules, now = list(results), timezone.now()
    starts = [now - _OPENED_STEP * number for number in range(OPENED_DAYS * 24 * _HOUR // _OPENED_STEP, 0, -1)]
    opened = opened_by_rule(org, starts[0], _OPENED_STEP)
    return [
        RuleSummary(
            rule,
            in_words(rule),
            rule.firing,
            rule.last,
            [
                Bucket(start, start + _OPENED_STEP, {"incident": opened.get(rule.pk, {}).get(number, 0)})
                for number, start in enumerate(starts)
            ],
            channels,
        )
        for rule, channels in zip(rules, notified_by_each(org, rules), strict=True)
    ]


def broken_rules() -> ArraySubquery:
    """Return, as a part of a query of organisations, the names of the rules that are on and cannot be evaluated now."""
    rules = AlertRule.objects.filter(org=OuterRef("pk"), enabled=True, problem__isnull=False)
    return ArraySubquery(rules.order_by("name", "pk").values("name"))


def rule_subjects() -> ArraySubquery:
    """Return, as a part of a query of organisations, the rules that are on as channels choose by them."""
    rules = AlertRule.objects.filter(org=OuterRef("pk"), enabled=True).order_by("name", "pk")
    service = Coalesce("service_id", "environment__service_id")
    return ArraySubquery(
        rules.values_list(
            JSONObject(name="name", id="pk", severity="severity", service=service, environment="environment__name")
        )
    )


def summary_of(rule: AlertRule) -> RuleSummary:
    """Return what the list says of one rule; one query."""
    result = AlertRule.objects.filter(pk=rule.pk).aggregate(
        firing=Count("firings", filter=_GOING_ON), last=Max("firings__fired_at")
    )
    return RuleSummary(rule, in_words(rule), result["firing"], result["last"])


def firings_of(rule: AlertRule) -> list[AlertFiring]:
    """Return where and when the rule last fired, latest first, at most fifty."""
    rows = rule.firings.select_related("environment__service", "incident")
    return list(rows.order_by("-fired_at", "-pk")[:50])
