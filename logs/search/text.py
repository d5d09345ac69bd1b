r"""When one text holds another: the rule, in Python and in SQL, which must say the same.

A text holds what is looked for if it does so in one of two readings of both:

flat    lower case, letter by letter, and ß as ss
fold    without the codes by which terminals colour (of a message, not of JSON, which pages show as it is), composed
        (NFC), flat, the final sigma as any other, and white space, however much, as one space

So what is copied from a page is found again, a line break pasted as a space included; STRASSE and Straße, ΟΔΥΣΣΕΥΣ and
οδυσσευς, and café composed or not find each other. Accents, ligatures (ﬁ), full-width letters, the dotless i and the
long s stay themselves.

What SQL does on the way is quicker than the rule and never narrower:
    first   a LIKE over the message and one over the JSON, of which a line that is looked at costs a microsecond
    exact   the rule itself, for what is left
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from logs.search.conditions import Condition, Reach, any_of

COLOURS = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")  # ECMA-48's control sequences
SPACE = re.compile(r"[\t-\r ]+")
_ASCII_RUN = re.compile(r"[!#-\[\]-~]+")  # what stands in JSON's text as it is: no quote, backslash or white space
_BEFORE_MARK = re.compile(r"[!-~](?=[^\x00-\x7f])|[^\x00-\x7f]")  # letters that a mark after them may compose with
_LIKE_SPECIAL = re.compile(r"[%_\\]")
# Under ICU collations the lower case of the dotted I depends on the letters around it.
_CONTEXT_LETTERS = re.compile("[\u0130\u0307]")
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z", re.IGNORECASE)  # W3C Trace Context
_UUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\Z", re.IGNORECASE)

VALUES = 'strict $.** ? (@.type() == "string" || @.type() == "number")'  # of JSON, at any depth
_JSON = "coalesce(meta_json::text, '')"


def flat(text: str) -> str:
    """Return the flat reading of `text`."""
    return text.replace("\u03a3", "\u03c3").replace("İ", "i").lower().replace("ß", "ss")


def fold(text: str, *, has_colours: bool = True) -> str:
    """Return the fold reading of `text`; of JSON's values without `has_colours`."""
    return flat(_composed(text, has_colours)).replace("\u03c2", "\u03c3")


def holds(text: str, wanted: str, *, has_colours: bool = True) -> bool:
    """Return whether `text` holds `wanted`."""
    if flat(wanted) in flat(text):
        return True
    folded = fold(wanted, has_colours=has_colours)
    return bool(folded.strip()) and folded in fold(text, has_colours=has_colours)


def spellings_of_id(word: str) -> list[str]:
    """Return the trace and request ids that `word` may be: any case, a UUID with or without dashes, a traceparent."""
    if len(word) > 200 or SPACE.search(word):
        return []
    parent = _TRACE_PARENT.match(word)
    words = [word, parent[1]] if parent else [word]
    for found in filter(None, map(_UUID.match, words[:])):
        words += ["".join(found.groups()), "-".join(found.groups())]
    return list(dict.fromkeys(spelling for each in words for spelling in (each, each.lower(), each.upper())))


def _composed(text: str, has_colours: bool) -> str:
    bare = COLOURS.sub("", text) if has_colours and "\x1b" in text else text
    return SPACE.sub(" ", unicodedata.normalize("NFC", bare))


def differing(wanted: str) -> re.Pattern[bytes]:
    """Return what a message has, in UTF-8, that may hold `wanted` as it is folded, but not flat: a cheap look ahead."""
    if COLOURS.search(wanted):
        return re.compile(b"")
    marks = [rb"\x1b"]
    if not wanted.isascii():
        marks.append(rb"[\x80-\xff]")
    if SPACE.search(wanted):
        marks.append(rb"[\t-\r ]")
    return re.compile(b"|".join(marks))


# -- In SQL ----------------------------------------------------------------------------------------------------------


def _flat_sql(text: str) -> str:
    return f"replace(lower({text}), 'ß', 'ss')"


def _fold_sql(text: str, *, has_colours: bool) -> str:
    bare = f"regexp_replace({text}, E'\\\\x1b\\\\[[0-9;:]*[A-Za-z]', '', 'g')" if has_colours else text
    return (
        f"regexp_replace(replace({_flat_sql(f'normalize({bare})')}, chr(962), chr(963)), E'[\\\\t-\\\\r ]+', ' ', 'g')"
    )


def _has_colours(text: str) -> str:
    return f"{text} LIKE chr(37) || chr(27) || chr(37)"  # as strpos() does, at a twentieth of what that costs


def _beyond_ascii(text: str) -> str:
    return f"octet_length({text}) <> length({text})"


_VALUE = "v.x #>> '{}'"


@dataclass(frozen=True, slots=True)
class Needle:
    """A text that is looked for, and how SQL says that something holds it."""

    text: str

    @property
    def folded(self) -> str:
        """Its fold reading."""
        return fold(self.text)

    @property
    def runs(self) -> list[str]:
        """The parts of it that stand in the flat reading of message or JSON's text wherever it is held."""
        bare = _composed(COLOURS.sub(" ", self.text), has_colours=False)
        return _ASCII_RUN.findall(flat(bare if bare.isascii() else _BEFORE_MARK.sub(" ", bare)))

    def in_message(self) -> Condition:
        """Return the rule for the message."""
        return self.held_by("message", has_colours=True)

    def held_by(self, text: str, *, has_colours: bool = False) -> Condition:
        """Return the rule for the SQL expression `text`."""
        flat_like = f"{_flat_sql(text)} LIKE {_flat_sql('%s')}"
        wanted = contains(self.text)
        sql, params = flat_like, [wanted]
        if _CONTEXT_LETTERS.search(self.text):
            sql, params = f"{sql} OR {text} LIKE %s", [*params, wanted]
        composed = _composed(self.text, has_colours)
        if composed.strip() and (differs := self._differs(text, has_colours)):
            folded = f"{_fold_sql(text, has_colours=has_colours)} LIKE replace({_flat_sql('%s')}, chr(962), chr(963))"
            sql, params = f"{sql} OR (({differs}) AND {folded})", [*params, contains(composed)]
        return Condition(f"({sql})", tuple(params), Reach.SCAN)

    def in_values(self, path: str = VALUES, *, is_start: bool = False) -> Condition:
        """Return the rule for the texts and numbers of the JSON at `path`, any of them."""
        rule = self.starts(_VALUE) if is_start else self.held_by(_VALUE)
        return Condition(
            f"EXISTS (SELECT FROM jsonb_path_query(meta_json, %s::jsonpath) AS v (x) "
            f"WHERE jsonb_typeof(v.x) IN ('string', 'number') AND {rule.sql})",
            (path, *rule.params),
            Reach.SCAN,
        )

    def starts(self, text: str) -> Condition:
        """Return «the SQL expression `text` begins with it», both read flat."""
        like = _LIKE_SPECIAL.sub(r"\\\g<0>", self.text) + "%"
        return Condition(f"({_flat_sql(text)} LIKE {_flat_sql('%s')})", (like,), Reach.SCAN)

    def first(self, text: str) -> Condition:
        """Return what the rule implies for the SQL expression `text`, of which it is about a part: quick to check."""
        if self.runs:
            read = _flat_sql(text) if any("s" in run for run in self.runs) else f"lower({text})"  # half of an ß
            return Condition(f"{read} LIKE %s", (_like(self.runs),), Reach.SCAN)
        return Condition(_beyond_ascii(text) if not self.folded.isascii() else "TRUE", (), Reach.SCAN)

    def _differs(self, text: str, has_colours: bool) -> str:
        """Return when the fold reading of `text` may hold what the flat one does not; empty if never."""
        differences = [_has_colours(text)] if has_colours else []
        if not self.text.isascii():
            differences.append(_beyond_ascii(text))
        if SPACE.sub(" ", self.text) != self.text or (has_colours and COLOURS.search(self.text)):
            differences.append("TRUE")
        elif SPACE.search(self.text):
            differences.append(f"{text} ~ E'[\\\\t-\\\\r]|  '")
        return " OR ".join(differences)


def texts_condition(texts: Sequence[str]) -> Condition:
    """Return «the log holds each of `texts`, in its message, in a value of its JSON, or as its trace or request id»."""
    rules = [_rule(Needle(text)) for text in texts]
    sql, params = " AND ".join(rule.sql for rule in rules), [param for rule in rules for param in rule.params]
    return Condition(sql, tuple(params), Reach.SCAN)


def in_message(text: str, *, is_start: bool = False) -> Condition:
    """Return «the message holds `text`», or begins with it."""
    needle = Needle(text)
    return needle.starts("message") if is_start else needle.in_message()


def in_values(text: str, paths: Sequence[str], *, is_start: bool = False) -> Condition:
    """Return «a text or number of the JSON at one of `paths` holds `text`», or begins with it."""
    needle = Needle(text)
    first, rule = needle.first(_JSON), any_of([needle.in_values(path, is_start=is_start) for path in paths])
    sql = f"CASE WHEN {first.sql} THEN {rule.sql} ELSE FALSE END"
    return Condition(sql, (*first.params, *rule.params), Reach.SCAN)


_IS_ID = "trace_id = ANY(%s::text[]) OR request_id = ANY(%s::text[])"


def _rule(needle: Needle) -> Condition:
    """Return the whole rule for one text: first what is quick, in which order CASE keeps it."""
    first = any_of([needle.first("message"), needle.first(_JSON)])  # joined into one text they took twice as long
    parts = [needle.in_message(), needle.in_values()]
    quick, quick_params = f"{first.sql} OR {_has_colours('message')}", list(first.params)
    sql, params = " OR ".join(part.sql for part in parts), [param for part in parts for param in part.params]
    if ids := spellings_of_id(needle.text):
        quick, quick_params = f"{quick} OR {_IS_ID}", [*quick_params, ids, ids]
        sql, params = f"{sql} OR {_IS_ID}", [*params, ids, ids]
    return Condition(f"CASE WHEN {quick} THEN {sql} ELSE FALSE END", (*quick_params, *params), Reach.SCAN)


def contains(text: str) -> str:
    """Return the LIKE pattern «holds `text`», in which % _ and \\ stand for themselves."""
    return _like([text])


def _like(pieces: Sequence[str]) -> str:
    return "%" + "%".join(_LIKE_SPECIAL.sub(r"\\\g<0>", piece) for piece in pieces) + "%"
