"""Taking secrets out of messages and of the texts in a log's JSON; linear in their length.

A batch is looked at as one text by RE2, which tells in about two nanoseconds a byte whether there is anything to do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

import msgspec
from django.conf import settings

from logs.ingest_rules.builtin import BY_NAME
from logs.ingest_rules.clock import OutOfTimeError, ScrubClock
from logs.ingest_rules.finders import any_of
from logs.ingest_rules.many_texts import BETWEEN, ManyTexts
from logs.ingest_rules.rules import IngestRules, compile_pattern

T = TypeVar("T", str, "str | None")
# A text of JSON with what follows it if that makes it a name, or a number that stands for itself.
_LITERAL = re.compile(r'"(?:[^"\\]++|\\[\s\S])*+(?:"(\s*+:)?|\Z)|(?<![\w.+-])\d{12,19}(?![\w.+-])')
_ANCHOR = re.compile(r"(?<!\[)\^|\$|\\[Az]")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_GROUP = 1 << 16  # characters
WITHHELD = "[withheld: the ingest rules of the service took too long]"
_WITHHELD_META = f'{{"withheld": "{WITHHELD}"}}'
WITHHELD_RULE = "took too long, withheld"  # what is counted of it


class Scrubber:
    """What a service has scrubbed. Counts are by the name of the pattern.

    All of it runs against a clock: what has not been looked at when the time is over is withheld, and counted as such.
    So no sender keeps a process busy by a text made for it, and no secret is stored because there was no time.
    """

    def __init__(self, rules: IngestRules) -> None:
        self._built_in = ManyTexts(rules.built_in)
        self._own = [(each.name, compile_pattern(each.pattern)) for each in rules.own]
        self._is_anchored = any(_ANCHOR.search(each.pattern) for each in rules.own)
        self._patterns = [BY_NAME[name].pattern for name in rules.built_in] + [each.pattern for each in rules.own]

    @cached_property
    def _any(self) -> Any:
        """Find whether a text may hold a secret of any kind."""
        return any_of(self._patterns)

    def messages(self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock | None = None) -> Sequence[str]:
        """Return the texts without their secrets; the same sequence if there are none."""
        clock = clock or ScrubClock()

        def scrub(group: Sequence[str]) -> Sequence[str]:
            return self._texts(group, counts, clock) if self._may_hold(group) else group

        return _scrub_groups(texts, scrub, WITHHELD, counts, clock)

    def metas(
        self, texts: Sequence[str | None], counts: Counter[str], clock: ScrubClock | None = None
    ) -> Sequence[str | None]:
        """Return JSON texts with the secrets taken out of their texts; names and all else stay as they are."""
        clock = clock or ScrubClock()

        def scrub(group: Sequence[str | None]) -> Sequence[str | None]:
            known = [text for text in group if text]
            if not self._may_hold([_unescaped(text, clock) if "\\" in text else text for text in known]):
                return group
            scrubbed = iter(self._metas(known, counts, clock))
            return [next(scrubbed) if text else text for text in group]

        return _scrub_groups(texts, scrub, _WITHHELD_META, counts, clock)

    def _may_hold(self, texts: Sequence[str]) -> bool:
        """Look at texts as one. A large one is not looked at twice: it may be one that own patterns are slow on."""
        if self._is_anchored:
            return True  # where a text begins and ends is not seen in all of them together
        if self._own and any(len(text) > _GROUP for text in texts):
            return True
        return bool(self._any.search(BETWEEN.join(texts).encode()))

    def _texts(self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock) -> Sequence[str]:
        done = self._built_in.plain(texts, counts, clock)
        for name, pattern in self._own:
            done = [_own_replaced(name, pattern, text, counts, clock) for text in done]
        return done

    def _metas(self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock) -> Sequence[str]:
        if self._own:
            return [self._meta(text, counts, clock) for text in texts]
        scrubbed = iter(self._built_in.json([text for text in texts if "\\" not in text] or [""], counts, clock))
        return [self._meta(text, counts, clock) if "\\" in text else next(scrubbed) for text in texts]

    def _meta(self, text: str, counts: Counter[str], clock: ScrubClock) -> str:
        """Scrub one JSON text, literal by literal: with escapes in it, or for patterns that take in anything."""
        if not self._is_anchored and not self._may_hold([_unescaped(text, clock)]):
            return text

        def scrubbed(match: re.Match[str]) -> str:
            literal = match[0]
            if match[1]:  # a name
                return literal
            clock.check()
            before = msgspec.json.decode(literal) if literal[0] == '"' else literal
            if self._own and len(before) > settings.INGEST_MAX_MESSAGE_BYTES:
                counts[WITHHELD_RULE] += 1
                return f'"{WITHHELD}"'
            (after,) = self._texts([before], counts, clock)
            return literal if after == before else msgspec.json.encode(after).decode()

        return _LITERAL.sub(scrubbed, text)


def _scrub_groups(
    texts: Sequence[T],
    scrub: Callable[[Sequence[T]], Sequence[T]],
    withheld: T,
    counts: Counter[str],
    clock: ScrubClock,
) -> Sequence[T]:
    """Scrub the texts, a good many at once; returns the same sequence if nothing was to be done."""
    result: list[T] = []
    is_changed = False
    try:
        for group in _groups(texts):
            clock.check()
            after = scrub(group)
            is_changed = is_changed or after is not group
            result += after
    except OutOfTimeError:
        for text in texts[len(result) :]:
            counts[WITHHELD_RULE] += bool(text)
            result.append(withheld if text else text)
        return result
    return result if is_changed else texts


def _groups(texts: Sequence[T]) -> Iterator[Sequence[T]]:
    """Divide texts into runs of some size together: what is done between two looks at the clock."""
    start = size = 0
    for number, text in enumerate(texts, 1):
        size += len(text) if text else 0
        if size >= _GROUP:
            yield texts[start:number]
            start, size = number, 0
    if start < len(texts):
        yield texts[start:]


def _unescaped(text: str, clock: ScrubClock) -> str:
    """Return JSON text as patterns can read it, for a first look: what is escaped stands as it is."""
    if "\\" not in text:
        return text
    looked = count()

    def decode(match: re.Match[str]) -> str:
        if not next(looked) % 1_000:
            clock.check()
        return chr(int(match[1], 16))

    decoded: str = _ESCAPED.sub(decode, text).replace("\\/", "/")
    return decoded.replace("\\n", "\n").replace("\\t", "\t").encode("utf-8", "replace").decode()


def _own_replaced(name: str, pattern: Any, text: str, counts: Counter[str], clock: ScrubClock) -> str:
    words = f"[redacted {name}]"

    def replace(_: Any) -> str:
        clock.check()
        counts[name] += 1
        return words

    clock.check()
    scrubbed: str = pattern.sub(replace, text)
    return scrubbed
