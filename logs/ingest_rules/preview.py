"""What rules would have done to the last hour's logs: the rules themselves, asked about logs that are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from logs.ingest.columns import Batch, Columns
from logs.ingest_rules.clock import ScrubClock
from logs.ingest_rules.compiled import CompiledRules
from logs.ingest_rules.rules import IngestRules
from logs.reading import newest_of_service
from services.models import Service

LOOKED_AT = 500  # logs
_SHOWN = 10
_LONGEST = 2_000  # characters of a message that is shown
SPAN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Change:
    """A message before and after."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What the rules would have done to `logs` logs, and the first messages that they would have changed."""

    logs: int
    redacted: Counter[str]
    dropped: Counter[str]
    changes: Sequence[Change]


def preview(service: Service, rules: IngestRules) -> Preview:
    """Try `rules` on the newest logs of the last hour, 500 at most; nothing is changed."""
    rows = newest_of_service(service, since=timezone.now() - SPAN, limit=LOOKED_AT)
    if not rows:
        return Preview(0, Counter(), Counter(), ())
    batch = Batch(Columns(*zip(*rows, strict=True)))
    compiled, clock = CompiledRules(rules), ScrubClock()
    result = compiled.apply(batch, clock)
    changes = []
    for message in dict.fromkeys(batch.columns.message):
        after = compiled.message(message, clock)
        if after != message:
            changes.append(Change(message[:_LONGEST], after[:_LONGEST]))
        if len(changes) == _SHOWN:
            break
    return Preview(len(rows), Counter(result.redacted), Counter(result.dropped), changes)
