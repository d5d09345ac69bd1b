"""Secrets that no one set: made once, kept in the data directory, readable by the owner alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


def stored_secret(data_dir: Path, name: str) -> str:
    """Return the secret `name` kept in `data_dir`, making it first if it is absent.

    Processes that start at once agree on one value: each writes a file of its own and links it into place, and only
    the first link succeeds. Raises OSError when the directory cannot be written.
    """
    path = data_dir / "secrets" / name
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its value holds
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
    return path.read_text().strip()


def replace_secret(data_dir: Path, name: str, value: str) -> None:
    """Put `value` in the place of the secret `name`, whole or not at all; the one before stays as NAME.before."""
    path = data_dir / "secrets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    if path.exists() and path.read_text().strip() != value:
        os.replace(path, path.with_suffix(".before"))
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
