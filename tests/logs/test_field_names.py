"""The names of the JSON's fields, by which the index of parts finds a field that is there."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from logs.search.jsonpaths import existence, names_condition

NAMES = st.sampled_from(["a", "b", "a.b", "user", "b c", "ä"])
DOCUMENTS = st.dictionaries(
    NAMES,
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.one_of(DOCUMENTS, st.lists(DOCUMENTS, max_size=2)), path=st.lists(NAMES, min_size=1, max_size=3))
@example(document={"a": [[{"b": 1}]]}, path=["a", "b"])
@example(document={"a": None}, path=["a"])
def test_a_log_with_a_field_has_its_names(document: object, path: list[str]) -> None:
    key = ".".join(path)
    sql, names = names_condition(key)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT meta_json @@ %s::jsonpath, ({sql}) FROM (SELECT %s::jsonb AS meta_json) given",
            [existence(key), *names, json.dumps(document)],
        )
        is_there, has_names = cursor.fetchone()
    assert has_names or not is_there
