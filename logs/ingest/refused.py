"""What was left out of a batch: how many entries for each reason, and the first of them."""

from __future__ import annotations

from dataclasses import dataclass, field

SAMPLE = 500  # characters of an entry that are kept to be shown


@dataclass(slots=True)
class Refused:
    """Counts and first samples by reason; a reason is the end of a sentence, one of few."""

    counts: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(self.counts.values())

    def add(self, reason: str, sample: str | bytes) -> None:
        """Count an entry."""
        if reason not in self.counts:
            text = sample[: SAMPLE * 4].decode("utf-8", "replace") if isinstance(sample, bytes) else sample
            self.samples[reason] = text[:SAMPLE].replace("\0", "\ufffd")
        self.counts[reason] = self.counts.get(reason, 0) + 1

    @property
    def sentence(self) -> str:
        """The most frequent reason, in words for the one who reads the sender's log; "" when nothing was left out."""
        if not self.counts:
            return ""
        reason = max(self.counts, key=self.counts.__getitem__)
        sample = " ".join(self.samples[reason][:100].split())
        return f"{len(self)} logs refused: {reason} (first: {sample})"
