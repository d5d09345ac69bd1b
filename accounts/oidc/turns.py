"""How many sign-ins wait for providers at once: an organisation's admins decide how slowly theirs answers.

A page waits with its thread for what a provider says. So each provider has few places in a web process, those of all
organisations together have a part of the threads for pages, and one that let us wait long rests for a while.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from accounts.oidc.http import within
from accounts.oidc.providers import Provider

PLACES = 2  # of one organisation's provider
SHARED_PLACES = 3  # of those of all organisations together; of the installation's own as many
REST_SECONDS = 60.0
_SITE, _ORGS = "site", "organisations"
_lock = threading.Lock()
_taken: Counter[str] = Counter()
_resting: dict[str, float] = {}  # until when, by the monotonic clock


class NoTurnError(Exception):
    """All places are taken, or the provider rests because it answered too slowly."""


@contextmanager
def turn(provider: Provider) -> Iterator[None]:
    """Hold a place, within which requests to `provider` have OIDC_SECONDS together; raises NoTurnError at once."""
    places = {provider.id: PLACES, _ORGS: SHARED_PLACES} if provider.org else {_SITE: SHARED_PLACES}
    _take(provider.id, places)
    try:
        with within(settings.OIDC_SECONDS) as wait:
            yield
    finally:
        with _lock:
            _taken.subtract(places.keys())
            if wait.seconds > settings.OIDC_SECONDS / 2:
                _resting[provider.id] = time.monotonic() + REST_SECONDS


def _take(provider_id: str, places: dict[str, int]) -> None:
    now = time.monotonic()
    with _lock:
        for each in [key for key, until in _resting.items() if until <= now]:
            del _resting[each]
        if provider_id in _resting or any(_taken[key] >= most for key, most in places.items()):
            raise NoTurnError
        _taken.update(places.keys())
