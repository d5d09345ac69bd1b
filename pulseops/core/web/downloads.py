"""Files that are made while they are sent: how many at once, how slowly a client may read, and for how long.

A client reads as slowly as it likes. So no connection to the database is held while one reads, each download has a
slot of its organisation, of its person and of the installation, and who reads too slowly or too long is sent away: the
answer then breaks off without its end, so no program takes it for whole.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from uuid import UUID, uuid4

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpResponse, StreamingHttpResponse

log = logging.getLogger(__name__)
_PIECE = 16 * 1024  # bytes that are given to a client at once; between two of them it may be sent away
_PATIENCE = 20.0  # seconds of waiting for a client before its rate counts: a pause is no slow line
_LEASE = 120  # seconds after which the slot of a process that was killed is free
RETRY_SECONDS = 30


class DownloadsBusyError(Exception):
    """As many downloads are running as may at the same time; the text says whose."""


class DownloadSlot:
    """The right to one download, held until `release`. It stands in the shared cache, so it holds no connection."""

    def __init__(self, org_id: UUID, user_id: UUID) -> None:
        """Take a slot of each kind; raises DownloadsBusyError when one has none left."""
        self._mark = uuid4().hex
        self._keys: list[str] = []
        self._renew_at = time.monotonic() + _LEASE / 3
        kinds = (
            (f"org:{org_id}", settings.DOWNLOADS_PER_ORG, "your organisation"),
            (f"user:{user_id}", settings.DOWNLOADS_PER_PERSON, "you"),
            ("all", settings.DOWNLOADS, "this installation"),
        )
        for name, most, whose in kinds:
            if not self._take(name, most):
                self.release()
                raise DownloadsBusyError(f"{most} downloads are running for {whose}, as many as may at the same time.")

    def _take(self, name: str, most: int) -> bool:
        for number in range(most):
            key = f"download:{name}:{number}"
            if cache.add(key, self._mark, _LEASE):
                self._keys.append(key)
                return True
        return False

    def renew(self) -> None:
        """Keep the slot; asks the cache now and then only."""
        if time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + _LEASE / 3
            cache.set_many(dict.fromkeys(self._keys, self._mark), _LEASE)

    def release(self) -> None:
        """Give the slot back."""
        with suppress(DatabaseError):  # then its lease ends by itself
            cache.delete_many(self._keys)
        self._keys = []


def download(chunks: Iterator[bytes], slot: DownloadSlot, *, content_type: str, name: str) -> StreamingHttpResponse:
    """Answer with a file that is made of `chunks`, which query the database in short statements between them."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(_Sending(chunks, slot), content_type=content_type, headers=headers)


def busy(error: DownloadsBusyError) -> HttpResponse:
    """Answer that the download has to wait."""
    text = f"{error} Try again when one of them is done."
    return HttpResponse(text, status=429, content_type="text/plain", headers={"Retry-After": str(RETRY_SECONDS)})


class _Sending:
    """Gives the chunks piece by piece, and watches the clock while the client has one."""

    def __init__(self, chunks: Iterator[bytes], slot: DownloadSlot) -> None:
        self._slot = slot
        self._pieces = self._cut(chunks)
        self._began = time.monotonic()
        self._given_at: float | None = None
        self._waited, self._sent = 0.0, 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._watch()
        piece = next(self._pieces)
        self._sent += len(piece)
        release_connection()
        self._given_at = time.monotonic()
        return piece

    def close(self) -> None:
        """Give back what is held, whether or not anything was read; Django calls it at the end of the answer."""
        self._pieces.close()
        self._slot.release()

    def _watch(self) -> None:
        now = time.monotonic()
        if self._given_at is not None:
            self._waited += now - self._given_at
        too_slow = self._waited > _PATIENCE and self._sent < self._waited * settings.DOWNLOAD_BYTES_PER_SECOND
        if too_slow or now - self._began > settings.DOWNLOAD_SECONDS:
            facts = {"bytes": self._sent, "seconds": round(now - self._began), "is_slow": too_slow}
            log.warning("a download was ended before it was whole", extra=facts)
            raise ConnectionResetError(errno.ECONNRESET, "The client reads too slowly, or for too long.")

    def _cut(self, chunks: Iterator[bytes]) -> Generator[bytes]:
        for chunk in chunks:
            self._slot.renew()
            for at in range(0, len(chunk), _PIECE):
                yield chunk[at : at + _PIECE]


def release_connection() -> None:
    """Let other requests have this thread's connection; the next query takes one again."""
    if not connection.in_atomic_block:
        connection.close()
