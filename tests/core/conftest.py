"""Fixtures for the tests of the floor."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulseops.core.postgres.embedded.server import EmbeddedServer
from tests.core.embedded import NO_SYNC, Places


def _directory() -> Path:
    """A new directory that the server's user can enter, which pytest's own is not."""
    memory = Path("/dev/shm")  # a copy of the 1,300 files of a server takes 30 ms there, 200 on a disk
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > 512 * 1024 * 1024
    path = Path(tempfile.mkdtemp(prefix="pulseops-test-", dir=memory if has_room else "/tmp"))
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[Path]:
    """A server's directory after its first start and a clean stop, to be copied."""
    base = _directory()
    server = EmbeddedServer(base / "postgres", settings=NO_SYNC)
    server.join()
    server.leave()
    yield base / "postgres"
    shutil.rmtree(base)


@pytest.fixture
def places(postgres_template: Path) -> Iterator[Places]:
    """Where a test may put its servers."""
    places = Places(_directory(), postgres_template)
    yield places
    places.close()
