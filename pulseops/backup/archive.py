"""The file of a backup: a tar, written and read as a stream, that says at its end what it must sum up to.

    manifest.json    first: what was saved, by which versions, how many rows
    secrets.json     SECRET_KEY, API_KEY_SALT and INTERNAL_CRON_SECRET
    dump/000000 …    pg_dump's custom format, in pieces, for its length is not known before
    checksum.json    last: the SHA-256 of all that stands in the members before, and how long the dump is

A file that was cut short has no last member, so it is never taken for whole. By hand: `tar -xO --wildcards 'dump/*'`
gives what pg_restore reads.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

FORMAT = 1
PIECE = 4 * 1024 * 1024
_LONGEST_TEXT = 16 * 1024 * 1024  # of what is read as JSON


class ArchiveError(Exception):
    """The file is no backup, or is not whole; the text says which."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `server` and `tools` are major versions of PostgreSQL; `rows` by table.

    Of logs there may be more than it says where they came from workers of Citus, which no snapshot holds still.
    """

    pulseops: str
    server: int
    tools: int
    database_bytes: int
    created_at: str
    rows: dict[str, int] = field(default_factory=dict)
    format: int = FORMAT
    may_have_more_logs: bool = False


def write_archive(
    target: BinaryIO, manifest: Manifest, secrets: dict[str, str], pieces: Iterable[bytes]
) -> Iterator[int]:
    """Write a backup; gives how many bytes of the dump are written, after each piece."""
    digest, length = hashlib.sha256(), 0
    with tarfile.open(fileobj=target, mode="w|", bufsize=256 * 1024) as tar:
        for name, value in (("manifest.json", asdict(manifest)), ("secrets.json", secrets)):
            content = json.dumps(value, indent=1).encode()
            digest.update(content)
            _add(tar, name, content)
        for number, piece in enumerate(pieces):
            digest.update(piece)
            length += len(piece)
            _add(tar, f"dump/{number:06d}", piece)
            yield length
        _add(tar, "checksum.json", json.dumps({"sha256": digest.hexdigest(), "dump_bytes": length}).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), 0o600, int(time.time())
    tar.addfile(info, io.BytesIO(content))


class ArchiveReader:
    """Reads a backup from its beginning to its end, once: `manifest` and `secrets` are there at once."""

    def __init__(self, source: BinaryIO) -> None:
        self._digest = hashlib.sha256()
        try:
            self._tar = tarfile.open(fileobj=source, mode="r|", bufsize=256 * 1024)  # noqa: SIM115
            self.manifest = _manifest(self._json("manifest.json"))
            self.secrets: dict[str, str] = self._json("secrets.json")
        except (tarfile.TarError, ValueError, TypeError, KeyError, EOFError) as error:
            raise ArchiveError("This is not a backup of PulseOps.") from error

    def pieces(self) -> Iterator[bytes]:
        """Give the dump; raises ArchiveError at the end unless all of it was there and is as it was written."""
        length = 0
        try:
            while (member := self._tar.next()) is not None and member.name.startswith("dump/"):
                content = self._content(member)
                self._digest.update(content)
                length += len(content)
                yield content
            if member is None or member.name != "checksum.json":
                raise ArchiveError("The backup is not whole: its end is missing.")
            wanted = json.loads(self._content(member))
        except (tarfile.TarError, ValueError, EOFError) as error:
            raise ArchiveError("The backup is not whole, or was changed.") from error
        if wanted != {"sha256": self._digest.hexdigest(), "dump_bytes": length}:
            raise ArchiveError("The backup was changed: its checksum is another.")

    def _json(self, name: str) -> Any:
        member = self._tar.next()
        if member is None or member.name != name or member.size > _LONGEST_TEXT:
            raise ValueError(name)
        content = self._content(member)
        self._digest.update(content)
        return json.loads(content)

    def _content(self, member: tarfile.TarInfo) -> bytes:
        file = self._tar.extractfile(member)
        content = file.read() if file and member.size <= _LONGEST_TEXT else b""
        if len(content) != member.size:
            raise EOFError(member.name)
        return content


def _manifest(values: Any) -> Manifest:
    if values["format"] > FORMAT:
        raise ArchiveError(f"The backup is of a newer kind ({values['format']}); restore it by a newer PulseOps.")
    return Manifest(**values)
