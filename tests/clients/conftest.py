"""The server that all these loggers send to: one for all of them, with a key for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.clients.running import PATIENCE, Receiver
from tests.clients.test_clients import NODE, PY, SYSTEM_TEXTS, TEXTS
from tests.support.installation import Installation, stop


@pytest.fixture(scope="package")
def receiver(installation: Installation) -> Iterator[Receiver]:
    """A web server that waits for slow clients as long as their tests do."""
    installation = installation.twin({**installation.environment, "WEB_REQUEST_SECONDS": str(PATIENCE)})
    web = installation.start_web()
    before, settings.PUBLIC_URL = settings.PUBLIC_URL, installation.url
    try:
        yield Receiver(installation, installation.make_keys([*TEXTS, *SYSTEM_TEXTS, *PY, *NODE]))
    finally:
        settings.PUBLIC_URL = before
        stop(web)
