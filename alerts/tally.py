"""How many were counted for each rule of one organisation: each type counts for its own."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.rule_types.base import Tally, Turn
from alerts.targets import ParsedRule


def tally(rules: Sequence[ParsedRule], turn: Turn) -> Tally:
    """Count for the rules of one organisation, in their order, within what is left of its time.

    The type of the first rule counts first; the first rule of each type is counted in any case, so that a round ends.
    """
    result = Tally()
    for rule_type in dict.fromkeys(each.type for each in rules):
        own = {each.rule.pk: each for each in rules if each.type is rule_type}
        found = rule_type.count(list(own.values()), turn)
        for rule_id, counts in found.counts.items():
            rule = own[rule_id].rule
            watched = {place: n for place, n in counts.items() if turn.environments.is_watched(rule, place)}
            result.counts[rule_id] = watched
        result.slow |= found.slow
        result.failed |= found.failed
        result.next_rules |= found.next_rules
    return result
