"""A service's rules as they run: compiled once for each version of them, in each process."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from uuid import UUID

from logs.ingest.columns import Batch
from logs.ingest_rules.clock import ScrubClock
from logs.ingest_rules.keep import Sampler
from logs.ingest_rules.rules import IngestRules
from logs.ingest_rules.scrub import Scrubber
from services.authentication import KeyScope
from services.queries import ingest_rules_of

_REMEMBERED = 500  # services whose rules a process keeps
_COMPILED = (
    40  # rules whose patterns it keeps compiled: at worst some 7 MB each, with what RE2 remembers of hostile texts
)


class CompiledRules:
    """Applies the rules of a service to batches."""

    def __init__(self, rules: IngestRules) -> None:
        self._patterns = IngestRules(rules.built_in, rules.own) if rules.built_in or rules.own else None
        self._sampler = Sampler(rules.keep) if rules.keep else None

    def apply(self, batch: Batch, clock: ScrubClock | None = None) -> Batch:
        """Return the batch as it is to be stored, with counts of what was done; the same one if nothing was."""
        columns, redacted, dropped = batch.columns, Counter[str](), Counter[str]()
        if self._sampler is not None:
            columns = self._sampler.kept(columns, dropped)
        if self._patterns is not None:
            clock, scrubber = clock or ScrubClock(), _scrubber(self._patterns)
            messages = scrubber.messages(columns.message, redacted, clock)
            metas = scrubber.metas(columns.meta_json, redacted, clock)
            if messages is not columns.message or metas is not columns.meta_json:
                columns = columns._replace(message=messages, meta_json=metas)
        if columns is batch.columns:
            return batch
        return replace(batch, columns=columns, dropped=+dropped, redacted=+redacted)

    def message(self, text: str, clock: ScrubClock | None = None) -> str:
        """Return a message as it would be stored."""
        return _scrubber(self._patterns).messages([text], Counter(), clock)[0] if self._patterns is not None else text


def apply_rules(scope: KeyScope, batch: Batch) -> Batch:
    """Apply the rules of the key's service, in the version that `scope` names; version 0 is none at all."""
    if not scope.ingest_version or not len(batch):
        return batch
    return _compiled(scope.service_id, scope.ingest_version).apply(batch)


def without_secrets(scope: KeyScope, text: str) -> str:
    """Return a text that is kept beside the logs, such as the sample of a refused entry, as the rules want it."""
    return _compiled(scope.service_id, scope.ingest_version).message(text) if scope.ingest_version else text


@lru_cache(_COMPILED)
def _scrubber(rules: IngestRules) -> Scrubber:
    return Scrubber(rules)


@lru_cache(_REMEMBERED)
def _compiled(service_id: UUID, version: int) -> CompiledRules:
    return CompiledRules(IngestRules.read(ingest_rules_of(service_id)))
