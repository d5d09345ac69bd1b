from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection

from pulseops.core.tasks import trim_cache


@pytest.mark.django_db
def test_what_has_expired_leaves_the_cache_table() -> None:
    cache.set("kept", 1, 300)
    cache.set("gone", 1, 300)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cache_entries SET expires = now() - interval '1 second' WHERE cache_key LIKE '%gone'")
    assert trim_cache() == {"deleted": 1}
    assert cache.get("kept") == 1
