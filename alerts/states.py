"""What is remembered about rules: their firings and the conditions that hold, but not for long enough yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, F, QuerySet, UUIDField

from alerts.models import AlertFiring, AlertPending
from alerts.state_machine import State
from pulseops.core.db.compiled_rows import AnyOf, CompiledRows, Parameter

_RULES = AnyOf(F("rule_id"), Parameter("rules", BigIntegerField()))
_ENVIRONMENTS = AnyOf(F("environment_id"), Parameter("environments", UUIDField()))


def _firings() -> QuerySet[AlertFiring]:
    return AlertFiring.objects.filter(_RULES, environment__isnull=False).select_related("incident")


_FIRINGS = CompiledRows(_firings)
_FIRINGS_THERE = CompiledRows(lambda: _firings().filter(_ENVIRONMENTS))
_PENDINGS = CompiledRows(lambda: AlertPending.objects.filter(_RULES))
_PENDINGS_THERE = CompiledRows(lambda: AlertPending.objects.filter(_RULES, _ENVIRONMENTS))


class States:
    """What is remembered about some rules, read in two statements."""

    def __init__(self, rule_ids: Iterable[int], environment_ids: Iterable[UUID] | None = None) -> None:
        scope: dict[str, Any] = {"rules": list(rule_ids)}
        firings_of, pendings_of = _FIRINGS, _PENDINGS
        if environment_ids is not None:
            scope["environments"] = list(environment_ids)
            firings_of, pendings_of = _FIRINGS_THERE, _PENDINGS_THERE
        firings, pendings = firings_of.fetch(**scope), pendings_of.fetch(**scope)
        self.firings: dict[tuple[int, Any], AlertFiring] = {(f.rule_id, f.environment_id): f for f in firings}
        self.pendings: dict[tuple[int, Any], datetime] = {(p.rule_id, p.environment_id): p.since for p in pendings}

    def state(self, key: tuple[int, UUID]) -> State:
        """Return what is remembered about one rule in one environment."""
        firing, since = self.firings.get(key), self.pendings.get(key)
        if firing is None:
            return State(pending_since=since)
        incident = firing.incident
        handled = incident.resolved_at if incident and not incident.is_live and firing.resolved_at is None else None
        return State(since, firing.fired_at, firing.resolved_at, firing.clear_since, handled)

    def holding(self) -> set[tuple[int, Any]]:
        """Those whose condition held when they were last evaluated."""
        firing = {key for key, each in self.firings.items() if each.resolved_at is None and each.clear_since is None}
        return set(self.pendings) | firing

    def unfinished(self) -> set[tuple[int, Any]]:
        """Those that have to be evaluated even if nothing was counted."""
        return set(self.pendings) | {key for key, firing in self.firings.items() if firing.resolved_at is None}
