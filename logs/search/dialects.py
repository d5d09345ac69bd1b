"""What a search means that is written as another tool reads it: Lucene, KQL, LogQL, SPL, Datadog, SQL.

Such a search is nearly always also text that this grammar reads, as other words; so it is searched as it stands, and
beside it is offered how it would be written here. Nothing is understood by halves: what no rule below knows stays as
it is, and what could not be read afterwards is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from logs.search.dialect_terms import (
    KEY,
    KEY_COLON,
    NAME,
    comma_parts,
    equal_to,
    field_name,
    is_field_name,
    is_ordered,
    matching,
    negated,
    text_of,
    unquoted,
    written_value,
)
from logs.search.errors import QuerySyntaxError
from logs.search.parser import parse
from logs.search.printer import is_plain_word, print_query
from logs.search.scanner import quoted

_LONGEST = 1_000  # characters of a query that a person wrote
_MOST_NESTED = 50  # brackets and negations, each of which may stand inside the one before
_PHRASE = re.compile(r'"(?:[^"\\]|\\.)*"')
# What no search of this grammar has; phrases are left out before. Without any of it nothing is offered.
_FOREIGN = re.compile(
    r"""(?x)
    (?:^|[\s(])(?:NOT|not|!)(?=[\s(\w"])         # NOT x, !x
    | &&|\|\|?                                   # a && b, a || b, pipes
    | [\w\]"@]\s?(?:==?|!=|=~|!~|>=?|<=?)\s?["'\w*-]  # key=value, key >= 5
    | \w\*|\*\w                                  # conn*, *ion
    | (?:^|[\s(])[@$]\.?\w                       # @http.status, $.level
    | ^\s*\{                                     # {app="api"}
    | :\s?[\[{(]                                 # key:[1 TO 5], key:(a OR b)
    | \s(?:IN|in|LIKE|like)\s                     # key IN (a, b)
    | (?:^|\s)/\w[^/\s]*/(?=\s|$)                # /regex/
    | (?:^|\s)\+\w | \w[\^~][0-9]                # +must, boost^2, fuzzy~1
    | exists_?:                                  # _exists_:key
    | (?:^|[\s(=:])'                              # 'a phrase'
    | (?:text|json)Payload                       # of Google Cloud
    | (?:^|\s)[\w.@]+:\s                         # key: value
    | (?:^|\s)-(?:-|\w*[A-Z]\w*[a-z0-9]|\w*[0-9]|\w+=)  # -Xmx512m, --option, -Dkey=value
    | (?:^|\s)(?:or|and)\s                       # a or b
    """
)
_LEXEME = re.compile(r"""\s+|"(?:[^"\\]|\\.)*"|'[^']*'|\|=|\|~|\|\||!=|!~|[(){}\[\]|]|[^\s"'(){}\[\]|]+|.""", re.DOTALL)
_TEST = re.compile(rf"{KEY}(?P<sign>:=|==|=~|!=|!~|>=|<=|=|>|<)(?P<value>.*)\Z", re.DOTALL)
_SIGN = re.compile(r"(?P<sign>==|=~|!=|!~|>=|<=|:=|=|>|<)(?P<value>.*)\Z", re.DOTALL)
_OPTION = re.compile(r"-(?:-\w|(?=.*[A-Z])(?=.*[a-z0-9])[A-Za-z][\w:+]*\Z|[A-Za-z]+[0-9]+\w*\Z|\w+=)", re.ASCII)
_BOOST = re.compile(r"(\w+)(?:\^[0-9.]+|~[0-9]?)\Z")
_BRACKETS = {"(": ")", "{": "}", "[": "]"}
_JOINERS = {"AND": "", "&&": "", "and": "", "OR": "OR", "||": "OR", "or": "OR"}
_STAGES = (
    "json", "logfmt", "pattern", "regexp", "unpack", "stats", "head", "tail", "table", "sort", "timechart", "limit",
    "fields", "dedup", "top", "rare", "line_format",
)  # fmt: skip


def translated(query: str) -> str | None:
    """Return `query` as it is written here, if it looks like another tool's; None if it does not or cannot be read."""
    if len(query) > _LONGEST or not _FOREIGN.search(_PHRASE.sub('""', query)):
        return None
    translation = _Translation(query)
    if translation.nested > _MOST_NESTED:
        return None
    written = translation.whole()
    try:
        meant = parse(written)
    except QuerySyntaxError:
        return None
    try:
        if parse(query) == meant:
            return None
    except QuerySyntaxError:
        pass
    return print_query(meant) or None


class _Translation:
    """Goes through the parts of a query once, writing what each is here."""

    def __init__(self, query: str) -> None:
        self.lexemes = [lexeme for lexeme in _LEXEME.findall(query) if not lexeme.isspace()]
        self.at = 0

    @property
    def nested(self) -> int:
        """How deep its brackets and negations may go at most."""
        return sum(lexeme in _BRACKETS or lexeme in ("NOT", "not", "!", "-") for lexeme in self.lexemes)

    def whole(self) -> str:
        return " ".join(self._terms(""))

    def _terms(self, closing: str) -> Iterator[str]:
        while self.at < len(self.lexemes):
            lexeme = self._take()
            if lexeme == closing:
                return
            if written := self._term(lexeme):
                yield written

    def _term(self, lexeme: str) -> str:
        lexeme = lexeme.strip(",") or ","
        if lexeme in _JOINERS:
            return _JOINERS[lexeme]
        if lexeme in ("NOT", "not", "!", "-"):
            return self._negated()
        if lexeme in ("|=", "|~", "!=", "!~") and self._peek():
            text = text_of(unquoted(self._take()), is_pattern=lexeme[1] == "~")
            return negated(text) if lexeme[0] == "!" else text
        if lexeme in _BRACKETS:
            return self._brackets(lexeme)
        if lexeme == "|":
            return self._stage()
        return self._field(lexeme) or self._word(lexeme)

    def _negated(self) -> str:
        return negated(self._term(self._take())) if self._peek() else ""

    def _brackets(self, lexeme: str) -> str:
        inner = list(self._terms(_BRACKETS[lexeme]))
        return f"({' '.join(inner)})" if lexeme == "(" and inner else " ".join(inner)

    def _stage(self) -> str:
        """What follows a pipe: a filter is one here too, all else (how to read and count lines) is not a search."""
        if self._peek() in ("where", "filter", "search"):
            self._take()
            return ""
        if self._peek() in _STAGES:
            while self._peek() and self._peek() != "|":
                self._take()
        return ""

    def _field(self, lexeme: str) -> str:
        """Write `lexeme` as a test of a field, with the tokens after it that belong to it; empty if it is none."""
        if lexeme.startswith(("_exists_:", "exists:")):
            return f"{field_name(lexeme.partition(':')[2])}:*"
        if (found := _TEST.match(lexeme)) and not found["value"].startswith((">", "=")):
            return self._tested(found["key"], found["sign"], found["value"])
        if (found := KEY_COLON.match(lexeme)) and not found["value"].startswith(("//", ":", "\\")):
            return self._after_colon(found["key"], found["value"], lexeme)
        return self._spaced(lexeme) if NAME.match(lexeme) else ""

    def _spaced(self, name: str) -> str:
        """A name whose sign stands apart: `key = value`, `key != value`, `key IN (a, b)`, `key LIKE '%a%'`."""
        following = self._peek()
        if following in ("IN", "in") and self._peek(1) == "(":
            self.at += 2
            return self._choice(name)
        if following in ("LIKE", "like", "CONTAINS", "contains") and self._peek(1):
            self._take()
            return f"{field_name(name)}:~{written_value(unquoted(self._take()).strip('%*'))}"
        found = _SIGN.match(following)
        if not found or following.startswith(("=>", "<>")):
            return ""
        self._take()
        return self._tested(name, found["sign"], found["value"])

    def _tested(self, key: str, sign: str, value: str) -> str:
        value = value or self._take_value()
        if sign in (">", ">=", "<", "<="):
            return f"{field_name(key, value)}:{sign}{unquoted(value)}" if is_ordered(value) else ""
        if value == "(":
            return self._choice(key)
        if not value or value in _BRACKETS.values() or value == ",":
            return ""
        plain = unquoted(value)
        is_pattern = sign in ("=~", "!~")
        written = matching(key, plain) if is_pattern else equal_to(key, plain, is_quoted=plain != value)
        return negated(written) if sign[0] == "!" else written

    def _after_colon(self, key: str, value: str, lexeme: str) -> str:
        """`key:value` of Lucene and KQL where it is not that of here: ranges, brackets, stars, a space, an @."""
        if value.startswith((">", "<")):
            return f"{field_name(key)}:{value}"
        if value:
            return equal_to(key, value, is_quoted="," in value)
        following = self._peek()
        if following == "(":
            self._take()
            return self._choice(key)
        if following in ("[", "{"):
            return self._range(key)
        if following[:1] in ('"', "'"):
            return equal_to(key, unquoted(self._take()), is_quoted=True)
        if following and following not in (*_JOINERS, *_BRACKETS, *_BRACKETS.values()) and is_field_name(key):
            return equal_to(key, self._take(), is_quoted=False)
        return quoted(lexeme)

    def _choice(self, key: str) -> str:
        values = []
        while self._peek():
            lexeme = self._take()
            if lexeme == ")":
                break
            if lexeme != "|" and lexeme not in _JOINERS:
                values += [written_value(unquoted(part)) for part in comma_parts(lexeme)]
        return f"{field_name(key)}:{','.join(values)}" if values else ""

    def _range(self, key: str) -> str:
        opened, low, to, high, closed = [*self.lexemes[self.at : self.at + 5], "", "", "", "", ""][:5]
        if to not in ("TO", "to"):
            return ""
        self.at += 5
        bounds = [(">=" if opened == "[" else ">", low), ("<=" if closed == "]" else "<", high)]
        return " ".join(f"{field_name(key)}:{sign}{bound}" for sign, bound in bounds if bound != "*")

    def _word(self, lexeme: str) -> str:
        if lexeme[0] == '"':
            return lexeme
        if len(lexeme) > 2 and lexeme[0] == lexeme[-1] == "'":
            return quoted(lexeme[1:-1])
        if _OPTION.match(lexeme):
            return quoted(lexeme)
        if lexeme[0] in "-!" and len(lexeme) > 1 and lexeme[1] not in "=~":
            return negated(self._term(lexeme[1:]))
        if lexeme[0] == "+" and lexeme[1:2].isalpha():
            return self._term(lexeme[1:])
        if len(lexeme) > 2 and lexeme[0] == lexeme[-1] == "/" and "/" not in lexeme[1:-1]:
            return text_of(lexeme[1:-1], is_pattern=True)
        if "*" in lexeme and lexeme.strip("*"):
            return " ".join(part if is_plain_word(part) else quoted(part) for part in lexeme.split("*") if part)
        if boosted := _BOOST.match(lexeme):
            return boosted[1]
        return "" if lexeme == "," else lexeme

    def _take_value(self) -> str:
        return self._take() if self._peek() else ""

    def _take(self) -> str:
        lexeme = self.lexemes[self.at]
        self.at += 1
        return lexeme

    def _peek(self, ahead: int = 0) -> str:
        return self.lexemes[self.at + ahead] if self.at + ahead < len(self.lexemes) else ""
