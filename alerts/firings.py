"""Acting on decisions: firings and pending conditions, and through them incidents and messages.

Everything about one organisation happens under its advisory lock, and the state is read again there: of several
evaluators, wherever they run, one acts and the others see that it has been done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from alerts.models import AlertFiring, AlertPending
from alerts.rule_types import rule_types
from alerts.state_machine import Decision, Outcome, Sample, decide
from alerts.states import States
from alerts.targets import ParsedRule
from incidents.actions import (
    add_note,
    count_detection,
    open_incident,
    rename_fingerprint,
    reopen_incident,
    resolve_incident,
)
from incidents.evidence import Evidence
from incidents.models import Incident
from incidents.queries import live_incidents_at
from pulseops.core.budget import TimeBudget
from pulseops.core.db.advisory_locks import transaction_lock
from services.models import Environment
from services.queries import environments_by_id

log = logging.getLogger(__name__)
_OF_A_FIRING = [
    *("environment", "incident", "fired_at", "resolved_at", "clear_since", "last_notified_at", "last_seen_at", "count")
]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One rule, one environment, one sample."""

    read: ParsedRule
    environment_id: UUID
    sample: Sample

    @property
    def key(self) -> tuple[int, UUID]:
        """What state is kept by."""
        return self.read.rule.pk, self.environment_id


@dataclass(frozen=True, slots=True)
class Pressing:
    """An evaluation to act on, its environment, and the evidence if an incident was to be opened by it."""

    look: Evaluation
    environment: Environment
    evidence: Evidence | None


@dataclass(slots=True)
class Outcomes:
    """What came of it."""

    outcomes: dict[tuple[int, UUID], Outcome] = field(default_factory=dict)
    opened: int = 0
    updated: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    is_cut_short: bool = False  # time was up


def fingerprint(kind: str, service_id: UUID | None, environment_id: UUID) -> str:
    """Name a rule's condition in one environment; it is unique together with the rule."""
    return f"{kind}:{service_id}:{environment_id}"


def act(looks: Iterable[Evaluation], states: States, budget: TimeBudget) -> Outcomes:
    """Decide for each look and act on what is new. The looks are of one organisation.

    What does not fit into what is left of `budget` is decided anew at the organisation's next turn; one thing is done
    at least, so that they come to an end.
    """
    acted = Outcomes()
    pressing: list[tuple[Evaluation, Decision]] = []
    holding: list[Evaluation] = []
    for look in looks:
        state = states.state(look.key)
        decision = decide(look.read.condition(), state, look.sample)
        acted.outcomes[look.key] = decision.outcome
        if decision.outcome is Outcome.HOLDING:
            holding.append(look)
        if decision.state != state:
            pressing.append((look, decision))
    if pressing:
        _act_under_lock(_with_evidence(pressing, acted, budget), acted, budget)
    _see_again(holding, states, acted, budget)
    return acted


def _with_evidence(pressing: list[tuple[Evaluation, Decision]], acted: Outcomes, budget: TimeBudget) -> list[Pressing]:
    """Read the environments, and what the incidents are to keep that will be opened: before the lock, as it takes time.

    What does not fit into `budget` is left out, but for the first.
    """
    environments = environments_by_id({look.environment_id for look, _ in pressing})
    prepared: list[Pressing] = []
    for look, decision in pressing:
        if prepared and budget.is_over:
            acted.is_cut_short = True
            break
        environment = environments.get(look.environment_id)
        if environment is None:
            continue
        with _apart(look, acted):
            evidence = _evidence(look, environment) if decision.outcome is Outcome.FIRE else None
            prepared.append(Pressing(look, environment, evidence))
    return prepared


@contextmanager
def _apart(look: Evaluation, acted: Outcomes) -> Iterator[None]:
    """Keep one rule's trouble from the others."""
    try:
        yield
    except Exception as error:
        log.exception("a rule could not be acted on", extra={"rule": look.read.rule.pk})
        acted.failed[look.read.rule.pk] = f"{type(error).__name__}: {error}"


def _see_again(looks: list[Evaluation], states: States, acted: Outcomes, budget: TimeBudget) -> None:
    """Count a detection where the type of the rule says that it is one."""
    seen: list[int] = []
    for look in looks:
        if budget.is_over:
            acted.is_cut_short = True
            break
        firing = states.firings[look.key]
        if look.read.type.is_new_detection(firing, look.sample):
            fresh = AlertFiring.objects.filter(pk=firing.pk, last_seen_at=firing.last_seen_at)
            if fresh.update(last_seen_at=look.sample.at, count=look.sample.count) and firing.incident_id:
                seen.append(firing.incident_id)
    if seen:
        at = max(look.sample.at for look in looks)
        acted.updated += count_detection(seen, at=at)


def _act_under_lock(pressing: list[Pressing], acted: Outcomes, budget: TimeBudget) -> None:
    if not pressing:
        return
    keys = [each.look.key for each in pressing]
    with transaction.atomic():
        transaction_lock(f"alerts:{pressing[0].look.read.rule.org_id}")
        states = States({rule_id for rule_id, _ in keys}, {environment_id for _, environment_id in keys})
        for number, each in enumerate(pressing):
            if number and budget.is_over:
                acted.is_cut_short = True
                break
            if _is_older(each.look.sample, states.firings.get(each.look.key)):
                continue
            with _apart(each.look, acted), transaction.atomic(savepoint=len(pressing) > 1):
                _apply(each, states, acted)


def _is_older(sample: Sample, firing: AlertFiring | None) -> bool:
    """Whether someone has acted on a later sample than this."""
    return firing is not None and sample.at <= max(firing.fired_at, firing.resolved_at or firing.fired_at)


def _apply(pressing: Pressing, states: States, acted: Outcomes) -> None:
    look = pressing.look
    state = states.state(look.key)
    decision = decide(look.read.condition(), state, look.sample)
    acted.outcomes[look.key] = decision.outcome
    if decision.state.pending_since != state.pending_since:
        _remember_pending(look, decision)
    match decision.outcome:
        case Outcome.FIRE | Outcome.REOPEN:
            _fire(pressing, states.firings.get(look.key), decision.outcome, acted)
        case Outcome.RECOVER:
            _recover(look, states.firings[look.key])
        case Outcome.HOLDING | Outcome.SILENCED | Outcome.CLEARING:
            AlertFiring.objects.filter(pk=states.firings[look.key].pk).update(clear_since=decision.state.clear_since)


def _remember_pending(look: Evaluation, decision: Decision) -> None:
    rule_id, environment_id = look.key
    if decision.state.pending_since is None:
        AlertPending.objects.filter(rule_id=rule_id, environment_id=environment_id).delete()
    else:
        AlertPending.objects.get_or_create(
            rule_id=rule_id, environment_id=environment_id, defaults={"since": decision.state.pending_since}
        )


def _fire(pressing: Pressing, firing: AlertFiring | None, outcome: Outcome, acted: Outcomes) -> None:
    look, environment = pressing.look, pressing.environment
    rule, at = look.read.rule, look.sample.at
    mark = fingerprint(rule.type, environment.service_id, environment.pk)
    incident, is_known = _live_incident(rule.pk, environment, mark), True
    if incident:  # someone has reopened it by hand: it stands for this firing too
        count_detection([incident.pk], at=at)
    elif outcome is Outcome.REOPEN and firing and firing.incident:
        incident = _reopen(look, firing.incident)
    else:
        is_known = False
        incident = _open(pressing, mark)
    row = AlertFiring(
        rule=rule,
        fingerprint=mark,
        environment=environment,
        incident=incident,
        fired_at=at,
        last_notified_at=at,
        last_seen_at=at,
        count=look.sample.count,
    )
    AlertFiring.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["rule", "fingerprint"], update_fields=_OF_A_FIRING
    )
    acted.updated += is_known
    acted.opened += not is_known


def _live_incident(rule_id: int, environment: Environment, mark: str) -> Incident | None:
    """Return the live incident of this rule and environment.

    Older software may have opened it: its fingerprints said more (the window, the threshold), so one condition could
    have several incidents; the latest goes on, under our fingerprint.
    """
    live = live_incidents_at(rule_id, environment, fingerprint=mark)
    if ours := next((each for each in live if each.fingerprint == mark), None):
        return ours
    of_other_types = {fingerprint(kind, environment.service_id, environment.pk) for kind in rule_types()}
    legacy = next((each for each in live if each.fingerprint not in of_other_types), None)
    if legacy:
        rename_fingerprint(legacy, mark)
    return legacy


def _evidence(look: Evaluation, environment: Environment) -> Evidence:
    return look.read.type.evidence(look.read.params, environment, look.sample)


def _open(pressing: Pressing, mark: str) -> Incident:
    look, environment = pressing.look, pressing.environment
    rule = look.read.rule
    evidence = pressing.evidence or _evidence(look, environment)
    return open_incident(
        actor=None,
        org=environment.service.org,
        environment=environment,
        title=f"{rule.name}: {environment.service.name} / {environment.name}",
        severity=rule.severity,
        source=look.read.type.incident_source,
        rule_id=rule.pk,
        fingerprint=mark,
        evidence=evidence,
        at=look.sample.at,
    )


def _reopen(look: Evaluation, incident: Incident) -> Incident:
    reason = f"The rule fired again: {look.read.type.describe_count(look.read.params, look.sample.count)}"
    reopen_incident(actor=None, incident=incident, reason=reason, at=look.sample.at)
    count_detection([incident.pk], at=look.sample.at)
    return incident


def _recover(look: Evaluation, firing: AlertFiring) -> None:
    """End the firing, and with it the incident, unless someone has acknowledged it: then notify them."""
    at = look.sample.at
    AlertFiring.objects.filter(pk=firing.pk).update(resolved_at=at, clear_since=None)
    incident = firing.incident
    if incident is None or not incident.is_live:
        return
    minutes = look.read.params.recovery_minutes
    words = f"The condition has been clear for {minutes} min." if minutes else "The condition is clear."
    if incident.status == Incident.Status.INVESTIGATING:
        words += " It stays open, because it is acknowledged."
        add_note(actor=None, incident=incident, text=words, at=at)
        return
    if resolve_incident(actor=None, incident=incident, reason=words, at=at):
        AlertFiring.objects.filter(pk=firing.pk).update(last_notified_at=at)
