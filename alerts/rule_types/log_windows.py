"""What types that count logs in windows have in common."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

from alerts.counting import Wanted, log_counts
from alerts.params import MINUTES_MAX
from alerts.rule_types.base import Tally, Turn
from services.scopes import Scopes


def window_field() -> forms.IntegerField:
    """Return the form's field for the window."""
    return forms.IntegerField(
        label="Window (min)", min_value=1, max_value=MINUTES_MAX, initial=5, required=False,
        help_text="Counted by when a log was received.",
    )  # fmt: skip


def query_field() -> forms.CharField:
    """Return the form's field for the filter."""
    return forms.CharField(
        label="Filter",
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"placeholder": "payment -timeout status:>=500", "spellcheck": "false"}),
        help_text="As in the log explorer; empty for all.",
    )


def count_windows(wanted: Mapping[int, Wanted], turn: Turn) -> Tally:
    """Count what rules want, by rule id, in their order."""
    scopes = turn.environments.scopes.get(turn.org_id, Scopes(()))
    counted = log_counts(list(wanted.values()), scopes, turn.now, turn.budget)
    result = Tally()
    for rule_id, each in wanted.items():
        if each in counted.counts:
            result.counts[rule_id] = counted.counts[each]
        elif each in counted.failed:
            result.failed[rule_id] = counted.failed[each]
        elif each in counted.slow:
            result.slow.add(rule_id)
        else:
            result.next_rules.add(rule_id)
    return result
