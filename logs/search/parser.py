"""Read a query:

query  = group { "OR" group }
group  = { term | "AND" }
term   = [ "-" ] ( "(" query ")" | field | phrase | word )
field  = name ":" ( "*" | (">" | ">=" | "<" | "<=") number | value { "," value } )
value  = [ "~" ] ( phrase | word ) | ( phrase | word ) "*"
name   = a word of letters, digits and . _ - @ $ /, or a phrase
"""

from __future__ import annotations

import re

from django.conf import settings

from logs.search.errors import QuerySyntaxError
from logs.search.fields import NEVER_WORDS, NUMBER, column_of
from logs.search.operators import Compares, Equals, Exists
from logs.search.scanner import is_plain_value, scan_name, scan_phrase, scan_word, skip_space
from logs.search.text_operators import Contains, StartsWith
from logs.search.tree import COMPARISONS, Everything, Field, Node, Not, Span, Text, Value, conjunction, disjunction

MAX_LENGTH = 4_000  # characters, and bytes of UTF-8: of each a page's links make three
MAX_TERMS = 100
MAX_DEPTH = 20
_ANY = Value("*", quoted=True)  # as it reads without quotes, which no list of values but that of itself does
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # ingest stores U+FFFD for these, so that is what is looked for


def parse(query: str) -> Node:
    """Return what `query` means; raises QuerySyntaxError when it cannot be understood."""
    query = _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", query)
    for size, unit in ((len(query), "characters"), (len(query.encode()), "bytes")):
        if size > MAX_LENGTH:
            said = f"The search has {size:,} {unit}; {MAX_LENGTH:,} is the most."
            raise QuerySyntaxError(min(MAX_LENGTH, len(query)), len(query), said, "Look for a part that is rare.")
    return _Parser(query).whole()


class _Parser:
    def __init__(self, query: str) -> None:
        self.query = query
        self.at = 0
        self.depth = 0
        self.terms = 0
        self.comparisons = 0

    def whole(self) -> Node:
        node = self._alternatives()
        if self.at < len(self.query):
            raise QuerySyntaxError(
                self.at, self.at + 1, "Nothing was opened that this bracket closes.", "Remove it or quote it."
            )
        return node

    def _alternatives(self) -> Node:
        groups = [self._group()]
        while self._takes_word("OR"):
            start = self.at - 2
            groups.append(self._group())
            if Everything() in groups:
                side = "after" if isinstance(groups[-1], Everything) else "before"
                hint = 'Write "OR" in quotes to look for the word.'
                raise QuerySyntaxError(start, start + 2, f"Nothing stands {side} OR.", hint)
        return disjunction(groups)

    def _group(self) -> Node:
        nodes: list[Node] = []
        while True:
            self.at = skip_space(self.query, self.at)
            if self._takes_word("AND"):
                continue
            if self.at >= len(self.query) or self._peek() == ")" or self._is_word("OR"):
                return conjunction(nodes)
            nodes.append(self._term())

    def _term(self) -> Node:
        start = self.at
        following = self.query[start + 1 : start + 2]
        if self._peek() == "-" and following and not following.isspace() and following != ")":
            self.at += 1
            node = self._positive()
            return Not(node, Span(start, self.at))
        return self._positive()

    def _positive(self) -> Node:
        if self._peek() == "(":
            return self._brackets()
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise QuerySyntaxError(self.at, len(self.query), f"More than {MAX_TERMS} terms.", "Remove some of them.")
        start = self.at
        if self._peek() == '"':
            text, self.at = scan_phrase(self.query, start)
            if self._peek() == ":":
                self.at += 1
                return self._field(text, start)
            return self._text(text, start)
        name = scan_name(self.query, start)
        if name and self._is_field(name, start + len(name) + 1):
            self.at = start + len(name) + 1
            return self._field(name, start)
        text, self.at = scan_word(self.query, start)
        return self._text(text, start)

    def _is_field(self, name: str, behind: int) -> bool:
        """Tell `user:42` from `Error: refused`: without a value it is a word, unless a column's name stands there."""
        following = self.query[behind : behind + 1]
        return bool(following and not following.isspace() and following != ")") or name.lower() in NEVER_WORDS

    def _text(self, text: str, start: int) -> Node:
        if not text:
            raise QuerySyntaxError(
                start, self.at, "This phrase is empty.", "Write what to look for between the quotes."
            )
        return Text(text, Span(start, self.at))

    def _brackets(self) -> Node:
        start = self.at
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise QuerySyntaxError(start, start + 1, f"Brackets are more than {MAX_DEPTH} deep.", "Use fewer brackets.")
        self.at += 1
        node = self._alternatives()
        if self._peek() != ")":
            raise QuerySyntaxError(
                start, start + 1, "This bracket is not closed.", "Put ) after what belongs together."
            )
        self.at += 1
        self.depth -= 1
        if isinstance(node, Everything):
            raise QuerySyntaxError(start, self.at, "Nothing stands in these brackets.", 'Quote them to look for "()".')
        return node

    def _field(self, key: str, start: int) -> Node:
        """Read what stands behind the colon."""
        fields = self._tests(key, start)
        for field in fields:
            field.check()
            self.comparisons += field.comparisons
        if self.comparisons > settings.LOG_QUERY_COMPARISONS:
            raise QuerySyntaxError(
                start,
                self.at,
                f"The search makes more than {settings.LOG_QUERY_COMPARISONS:,} comparisons.",
                "Ask for fewer values; a name with many dots makes several of each.",
            )
        return disjunction(fields)

    def _tests(self, key: str, start: int) -> list[Field]:
        """Read the values, of which the field has to meet one: those to equal together, each part by itself."""
        for comparison in COMPARISONS:
            if self.query.startswith(comparison, self.at):
                return [self._comparison(key, comparison, start)]
        values = [self._value(key, start)]
        while self._peek() == ",":
            self.at += 1
            values.append(self._value(key, start))
        span = Span(start, self.at)
        if values == [_ANY]:
            return [Exists(key, span)]
        whole = tuple(dict.fromkeys(value for value in values if isinstance(value, Value)))
        parts: list[Field] = [Equals(key, whole, span)] if whole else []
        return parts + [value for value in dict.fromkeys(values) if not isinstance(value, Value)]

    def _comparison(self, key: str, comparison: str, start: int) -> Field:
        self.at += len(comparison)
        number, self.at = scan_word(self.query, self.at)
        if not NUMBER.match(number) and column_of(key) != "level":
            shown = f"{key}:{comparison}100"
            raise QuerySyntaxError(start, self.at, f"A number must follow {comparison}.", f"For example {shown}")
        return Compares(key, comparison, number, Span(start, self.at))

    def _value(self, key: str, start: int) -> Value | Contains | StartsWith:
        is_part = self._peek() == "~"
        self.at += is_part
        is_quoted = self._peek() == '"'
        if is_quoted:
            text, self.at = scan_phrase(self.query, self.at)
        else:
            text, self.at = scan_word(self.query, self.at, stops=",")
        is_beginning = not is_part and (self._takes_star() if is_quoted else len(text) > 1 and text.endswith("*"))
        if text and is_part:
            return Contains(key, text, Span(start, self.at))
        if text and is_beginning:
            return StartsWith(key, text if is_quoted else text[:-1], Span(start, self.at))
        if not text and not (is_quoted and not is_part and not is_beginning):
            hint = f'Write {key}:value, {key}:"" for the empty text, or "{key}:" in quotes to look for that text.'
            raise QuerySyntaxError(start, max(self.at, start + 1), f"{key}: has no value.", hint)
        return Value(text, quoted=is_quoted or not is_plain_value(text))

    def _takes_star(self) -> bool:
        is_star = self._peek() == "*"
        self.at += is_star
        return is_star

    def _peek(self) -> str:
        return self.query[self.at : self.at + 1]

    def _is_word(self, word: str) -> bool:
        return scan_word(self.query, self.at)[0] == word

    def _takes_word(self, word: str) -> bool:
        if not self._is_word(word):
            return False
        self.at += len(word)
        return True
