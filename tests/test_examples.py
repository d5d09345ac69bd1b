"""A property is tried on a share of the examples that it names: hypothesis' own attribute for it is not public."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import SHARE_OF_EXAMPLES

pytestmark = pytest.mark.xdist_group("examples")
tried: dict[str, list[int]] = {"named": [], "by default": []}


@settings(max_examples=50, database=None)
@given(st.integers())
def test_a_named_number(number: int) -> None:
    tried["named"].append(number)


@given(st.integers())
def test_the_default_number(number: int) -> None:
    tried["by default"].append(number)


def test_they_were_a_share() -> None:
    assert len(tried["named"]) == round(50 * SHARE_OF_EXAMPLES)
    assert len(tried["by default"]) == round(settings.default.max_examples * SHARE_OF_EXAMPLES)  # type: ignore[attr-defined]
