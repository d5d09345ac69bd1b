"""What a rule would have done: the evaluator itself, asked for every moment of the past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from alerts.history import STEP, Moments, Series
from alerts.models import AlertRule
from alerts.state_machine import Condition, Outcome, Sample, State, decide
from alerts.targets import parse_rule, places_of
from pulseops.core.ui.chart_marks import Band
from pulseops.core.ui.charts import Bucket, Chart, stacked_histogram

PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7)}
_BARS = 96
BACKTEST_SECONDS = 5.0  # that counting may take


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that channels would have been notified of: a firing or its end."""

    at: datetime
    environment_id: UUID
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Episode:
    """From a firing to its end; `until` None if that is still to come."""

    place: str  # service / environment
    since: datetime
    until: datetime | None
    is_reopened: bool


@dataclass(frozen=True, slots=True)
class Backtest:
    """What would have been. `peaks` are the highest counts of any environment, in `_BARS` equal parts of the period."""

    start: datetime
    end: datetime
    happenings: tuple[Happening, ...]
    peaks: tuple[int, ...]
    threshold: int
    names: dict[UUID, str]

    @property
    def fired(self) -> int:
        """How often it would have fired."""
        return sum(each.outcome is not Outcome.RECOVER for each in self.happenings)

    @property
    def incidents(self) -> int:
        """How many incidents it would have opened; the others are the same ones again."""
        return sum(each.outcome is Outcome.FIRE for each in self.happenings)

    @property
    def messages(self) -> int:
        """How many messages each channel would have had, at most: those close together are one."""
        return len(self.happenings)

    @property
    def episodes(self) -> list[Episode]:
        """The firings with their ends, latest first."""
        result: list[Episode] = []
        begun: dict[UUID, Happening] = {}
        for each in self.happenings:
            if each.outcome is Outcome.RECOVER:
                start = begun.pop(each.environment_id)
                result.append(self._episode(start, each.at))
            else:
                begun[each.environment_id] = each
        result += [self._episode(start, None) for start in begun.values()]
        return sorted(result, key=lambda episode: episode.since, reverse=True)

    @property
    def chart(self) -> Chart:
        """The curve with the threshold, and when it would have fired."""
        width = (self.end - self.start) / _BARS
        buckets = [
            Bucket(
                self.start + n * width, self.start + (n + 1) * width, {"error" if p >= self.threshold else "info": p}
            )
            for n, p in enumerate(self.peaks)
        ]
        bands = [Band(e.since, e.until, f"Fired: {e.place}") for e in self.episodes]
        return stacked_histogram(buckets, threshold=self.threshold, bands=bands, height=132)

    def _episode(self, start: Happening, until: datetime | None) -> Episode:
        place = self.names.get(start.environment_id, "")
        return Episode(place, start.at, until, start.outcome is Outcome.REOPEN)


def backtest(
    rule: AlertRule, period: timedelta, seconds: float = BACKTEST_SECONDS, *, now: datetime | None = None
) -> Backtest:
    """Try `rule`, saved or not, over the `period` before `now`. Raises ParamsError, or BoundedQueryError of its filter.

    Muting is left out: the question is what the rule would find.
    """
    read = parse_rule(rule)
    end = now or timezone.now()
    moments = Moments(end - period, period // STEP + 1)
    places = places_of({rule.org_id})
    condition = read.condition(is_muted=False)
    happenings: list[Happening] = []
    peaks = [0] * _BARS
    for environment_id, series in read.type.series(read, places, moments, seconds).items():
        happenings += _replay(condition, environment_id, series, moments, peaks)
    names = {pk: f"{scope.service} / {scope.environment}" for pk, scope in places.by_environment.items()}
    happenings.sort(key=lambda each: (each.at, each.environment_id))
    return Backtest(moments.start, end, tuple(happenings), tuple(peaks), condition.threshold, names)


def _replay(
    condition: Condition, environment_id: UUID, series: Series, moments: Moments, peaks: list[int]
) -> list[Happening]:
    rows: list[Happening] = []
    state = State()
    for number, count in series:
        bar = min(number * _BARS // moments.count, _BARS - 1)
        peaks[bar] = max(peaks[bar], count)
        if count < condition.threshold and not state.is_firing and state.pending_since is None:
            continue  # quiet, and nothing to remember
        at = moments.at(number)
        decision = decide(condition, state, Sample(at, count))
        state = decision.state
        if decision.outcome in {Outcome.FIRE, Outcome.REOPEN, Outcome.RECOVER}:
            rows.append(Happening(at, environment_id, decision.outcome))
    return rows
