"""Reading and writing queries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.search.errors import QuerySyntaxError
from logs.search.operators import Compares, Equals, Exists
from logs.search.parser import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, parse
from logs.search.printer import print_query
from logs.search.text_operators import Contains, StartsWith
from logs.search.tree import COMPARISONS, And, Everything, Node, Not, Or, Text, Value, conjunction, disjunction


def equals(key: str, *values: str) -> Equals:
    return Equals(key, tuple(Value(value) for value in values))


@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        ("", Everything()),
        ("   ", Everything()),
        ("charge failed", And((Text("charge"), Text("failed")))),
        ("charge AND failed", And((Text("charge"), Text("failed")))),
        ('"charge failed"', Text("charge failed")),
        (r'"say \"hi\" C:\\x \n"', Text('say "hi" C:\\x \\n')),
        ("-debug", Not(Text("debug"))),
        ("a - b", And((Text("a"), Text("-"), Text("b")))),
        ("level:error,warn", equals("level", "error", "warn")),
        ("service:api env:prod", And((equals("service", "api"), equals("env", "prod")))),
        ('user.name:"Ada L"', Equals("user.name", (Value("Ada L", quoted=True),))),
        ('"odd key":1', equals("odd key", "1")),
        ("took:>5", Compares("took", ">", "5")),
        ("took:<=-1.5e3", Compares("took", "<=", "-1.5e3")),
        ("level:>=warn", Compares("level", ">=", "warn")),
        ("user:*", Exists("user")),
        ("-user:*", Not(Exists("user"))),
        ("a OR b c", Or((Text("a"), And((Text("b"), Text("c")))))),
        ("(a OR b) c", And((Or((Text("a"), Text("b"))), Text("c")))),
        ("-(a b)", Not(And((Text("a"), Text("b"))))),
        ('-(a "f(")', Not(And((Text("a"), Text("f("))))),
        ('-(a k:"f(")', Not(And((Text("a"), Equals("k", (Value("f(", quoted=True),)))))),
        ("http.path:~/api", Contains("http.path", "/api")),
        ('sql:~"from users"', Contains("sql", "from users")),
        ("http.path:/api/*", StartsWith("http.path", "/api/")),
        ('http.path:"/api x"*', StartsWith("http.path", "/api x")),
        ('http.path:"/api*"', Equals("http.path", (Value("/api*", quoted=True),))),
        ('k:"~x"', Equals("k", (Value("~x", quoted=True),))),
        ("k:a,b*,~c,d", Or((equals("k", "a", "d"), StartsWith("k", "b"), Contains("k", "c")))),
        ("-k:a*", Not(StartsWith("k", "a"))),
        ('message:"charge failed"', Equals("message", (Value("charge failed", quoted=True),))),
        ("message: x", And((Text("message:"), Text("x")))),
        ("k:f(", Equals("k", (Value("f(", quoted=True),))),
        ("((a))", Text("a")),
        ("connect() failed", And((Text("connect()"), Text("failed")))),
        ("(main())", Text("main()")),
        ("12:30:45", Text("12:30:45")),
        ("https://a.example/x?y=1", Text("https://a.example/x?y=1")),
        ("std::vector", Text("std::vector")),
        ("-(a Error:)", Not(And((Text("a"), Text("Error:"))))),
        ("Error: refused", And((Text("Error:"), Text("refused")))),
        ("or and", And((Text("or"), Text("and")))),
        ('"OR"', Text("OR")),
        ("NUL\x00here", Text("NUL\N{REPLACEMENT CHARACTER}here")),
        ("日本語 מבחן", And((Text("日本語"), Text("מבחן")))),
    ],
)
def test_a_query_means(query: str, meaning: Node) -> None:
    assert parse(query) == meaning


@pytest.mark.parametrize(
    ("query", "start", "words"),
    [
        ('a "b', 2, "not closed"),
        ("a (b", 2, "not closed"),
        ("a b)", 3, "Nothing was opened"),
        ("()", 0, "Nothing stands in"),
        ("OR a", 0, "before OR"),
        ("a OR", 2, "after OR"),
        ("level:", 0, "no value"),
        ("a level: error", 2, "no value"),
        ("user:1,", 0, "no value"),
        ("user:~", 0, "no value"),
        ('user:~""', 0, "no value"),
        ('user:""*', 0, "no value"),
        ("message:>5", 0, "no order"),
        ("level:loud", 0, "no level"),
        ("took:>fast", 0, "A number must follow"),
        ("trace:>5", 0, "no order"),
        ('""', 0, "empty"),
        ("x" * (MAX_LENGTH + 6_000), MAX_LENGTH, "characters"),
        ("a " * 500, 2 * MAX_TERMS, "terms"),
        ("(" * 900 + "a" + ")" * 900, MAX_DEPTH, "deep"),
    ],
)
def test_a_mistake_says_where_and_how(query: str, start: int, words: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    assert caught.value.start == start
    assert start < caught.value.end <= max(len(query), start + 1)
    assert words in caught.value.message
    assert caught.value.hint


def read(query: str) -> tuple[Node, QuerySyntaxError | None]:
    try:
        return parse(query), None
    except QuerySyntaxError as mistake:
        return Everything(), mistake


ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=12)
SHARP_TEXT = st.text(alphabet='ab:"\\()-, *<>=.OR', min_size=1, max_size=8)
TEXT = ANY_TEXT | SHARP_TEXT | st.sampled_from(["OR", "AND", "-", "*", "level:", "x:y", "//", "http://x", ">5"])
BARE = st.text(alphabet="abc019._/-*é日", min_size=1, max_size=6).filter(lambda text: text[-1] != "*")
VALUE = st.builds(Value, BARE, st.just(False)) | st.builds(Value, TEXT | st.just(""), st.just(True))
KEY = (TEXT | st.just("")).filter(lambda key: key.lower() not in {"level", "service", "env"})
LEAF: st.SearchStrategy[Node] = st.one_of(
    st.builds(Text, TEXT),
    st.builds(Equals, KEY, st.lists(VALUE, min_size=1, max_size=3, unique=True).map(tuple)),
    st.builds(Compares, st.sampled_from(["took", "a b", "日.x"]), st.sampled_from(COMPARISONS), st.just("-1.5e3")),
    st.builds(Exists, KEY),
    st.builds(Contains, KEY, TEXT),
    st.builds(StartsWith, KEY, TEXT),
    st.builds(equals, st.just("level"), st.sampled_from(["error", "WARN"])),
)
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(conjunction),
        st.lists(inner, min_size=2, max_size=3).map(disjunction),
    ),
    max_leaves=12,
)


@given(TREE)
def test_what_is_printed_reads_the_same(tree: Node) -> None:
    assert parse(print_query(tree)) == tree


@given(st.text() | st.text(alphabet='ab:"\\()-, *<>=ORAND\x00'))
def test_any_text_is_a_query_or_a_mistake_inside_it(query: str) -> None:
    tree, mistake = read(query)
    if mistake:
        assert 0 <= mistake.start < mistake.end <= max(len(query), 1)
        assert mistake.hint
    assert parse(print_query(tree)) == tree
