"""The server that all these loggers send to: one for all of them, with a key for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.clients.running import PATIENCE, Receiver
from tests.clients.test_clients import NODE, PY, SOCKETS, SYSTEM_TEXTS, TEXTS
from tests.support.installation import Installation, free_port, stop


@pytest.fixture(scope="package")
def receiver(installation: Installation) -> Iterator[Receiver]:
    """A web server that waits for slow clients as long as their tests do, and a syslog server with a port for each."""
    keys = installation.make_keys([*TEXTS, *SYSTEM_TEXTS, *PY, *NODE])
    ports = {name: free_port() for name in SOCKETS}
    listeners = [f"{kind}://127.0.0.1:{ports[name]}?key={keys[name]}&from=127.0.0.1" for name, kind in SOCKETS.items()]
    environment = {"WEB_REQUEST_SECONDS": str(PATIENCE), "SYSLOG_LISTENERS": " ".join(listeners)}
    installation = installation.twin({**installation.environment, **environment})
    processes = [installation.start_web(), installation.start_syslog(ports[[*SOCKETS][-1]])]
    sockets = {name: f"{kind.removeprefix('gelf+')}://127.0.0.1:{ports[name]}" for name, kind in SOCKETS.items()}
    before, settings.PUBLIC_URL = settings.PUBLIC_URL, installation.url
    try:
        yield Receiver(installation, keys, sockets)
    finally:
        settings.PUBLIC_URL = before
        for process in processes:
            stop(process)
