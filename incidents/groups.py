"""Incidents that one rule opened within a minute are one group of the list: a storm is a row, not a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from incidents.models import Incident

_WITHIN = timedelta(minutes=1)
_WORTH_IT = 3  # incidents below which a group hides more than it saves


@dataclass(frozen=True, slots=True)
class Group:
    """The newest incident of a group, and the others."""

    first: Incident
    others: tuple[Incident, ...] = ()


def grouped(rows: Sequence[Incident]) -> list[Group]:
    """Put neighbours of the list together, which is ordered by time, newest first."""
    groups: list[list[Incident]] = []
    for row in rows:
        if groups and _belongs(groups[-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    found: list[Group] = []
    for each in groups:
        found += [Group(each[0], tuple(each[1:]))] if len(each) >= _WORTH_IT else [Group(row) for row in each]
    return found


def _belongs(group: Sequence[Incident], row: Incident) -> bool:
    newest = group[0]
    is_of_rule = row.rule_id is not None and (row.rule_id, row.status) == (newest.rule_id, newest.status)
    return is_of_rule and newest.created_at - row.created_at <= _WITHIN
