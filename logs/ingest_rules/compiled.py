"""A service's rules as they run: compiled once for each version of them, in each process."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from uuid import UUID

from logs.ingest.columns import Batch
from logs.ingest_rules.keep import Sampler
from logs.ingest_rules.rules import IngestRules
from logs.ingest_rules.scrub import Scrubber
from services.authentication import KeyScope
from services.queries import ingest_rules_of

_REMEMBERED = 500  # services whose rules a process keeps compiled


class CompiledRules:
    """Applies the rules of a service to batches."""

    def __init__(self, rules: IngestRules) -> None:
        self._scrubber = Scrubber(rules) if rules.built_in or rules.own else None
        self._sampler = Sampler(rules.keep) if rules.keep else None

    def apply(self, batch: Batch) -> Batch:
        """Return the batch as it is to be stored, with counts of what was done; the same one if nothing was."""
        columns, redacted, dropped = batch.columns, Counter[str](), Counter[str]()
        if self._sampler is not None:
            columns = self._sampler.kept(columns, dropped)
        if self._scrubber is not None:
            messages = self._scrubber.messages(columns.message, redacted)
            metas = self._scrubber.metas(columns.meta_json, redacted)
            if messages is not columns.message or metas is not columns.meta_json:
                columns = columns._replace(message=messages, meta_json=metas)
        if columns is batch.columns:
            return batch
        return replace(batch, columns=columns, dropped=+dropped, redacted=+redacted)

    def message(self, text: str) -> str:
        """Return a message as it would be stored."""
        return self._scrubber.text(text, Counter()) if self._scrubber is not None else text


def apply_rules(scope: KeyScope, batch: Batch) -> Batch:
    """Apply the rules of the key's service, in the version that `scope` names; version 0 is none at all."""
    if not scope.ingest_version or not len(batch):
        return batch
    return _compiled(scope.service_id, scope.ingest_version).apply(batch)


def without_secrets(scope: KeyScope, text: str) -> str:
    """Return a text that is kept beside the logs, such as the sample of a refused entry, as the rules want it."""
    return _compiled(scope.service_id, scope.ingest_version).message(text) if scope.ingest_version else text


@lru_cache(_REMEMBERED)
def _compiled(service_id: UUID, version: int) -> CompiledRules:
    return CompiledRules(IngestRules.read(ingest_rules_of(service_id)))
