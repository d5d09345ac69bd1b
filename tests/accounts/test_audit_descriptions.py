from __future__ import annotations

from typing import Any

import pytest

from accounts.audit.descriptions import details, phrase


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("org.created", "created the organisation"),
        ("service.created", "created the service"),
        ("api_key.revoked", "revoked the API key"),
        ("odd", "odd"),
        (".", "."),
    ],
)
def test_an_action_is_said_in_words(action: str, said: str) -> None:
    assert phrase(action) == said


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        (None, ""),
        ({"name": "api", "environments": ["production", "staging"]}, "environments: production, staging"),
        ({"from": "viewer", "to": "admin"}, "viewer → admin"),
        ({"name": "web", "changes": {"name": ["api", "web"]}}, "name: api → web"),
        ({"changes": {"description": [None, "Front"], "retention_days": [7, 30]}},
         "description: nothing → Front, retention days: 7 → 30"),
        ({"service_id": "123", "rate_per_minute": None}, ""),
    ],
)  # fmt: skip
def test_the_rest_of_a_row_is_said_in_one_line(meta: dict[str, Any] | None, said: str) -> None:
    assert details(meta) == said
