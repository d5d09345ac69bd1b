"""POST /journald/upload: stored piece by piece while it arrives, for it may have no end, or be a day's journal.

A client whose request breaks off sends again from its last cursor that was answered for. So each piece leaves a receipt
under the cursor that it began with: what comes again is recognised, and skipped.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from accounts.tenancy import public
from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.commit import authenticate_noted, commit_piece
from logs.ingest.guards import gate, unavailable
from logs.ingest.protocols.base import status_response
from logs.ingest.protocols.journald.export import Entry, ExportReader, NotAJournalError, row_of_entry
from logs.ingest.refusals import record_refused_request
from logs.ingest.rows import batch_of
from logs.ingest.store import AlreadyAnsweredError, Receipt, first_answer
from logs.ingest.unpacking import Unpacker, unpacker_for
from pulseops.core.db.answer_timeout import give_back_connection
from pulseops.core.web.body_stream import BodyStream, body_stream
from pulseops.core.web.json_errors import ApiError
from pulseops.core.web.machine_routes import machine_route
from services.authentication import LONGEST_WAIT, Credential
from services.models import ApiKey

NAME = "journald"
PIECE_ENTRIES, PIECE_BYTES = 1_000, 1024 * 1024
PAUSE_SECONDS = 1.0  # without more, after which what has arrived is stored
log = logging.getLogger(__name__)


@public
@machine_route
def upload(request: HttpRequest) -> HttpResponse:
    """Store a journal; systemd-journal-upload prints what it is told when that is not 200, and ends."""
    try:
        return _upload(request)
    except ApiError as error:
        return _refused(error)
    except (OperationalError, InterfaceError) as error:
        log.exception("a piece of a journal could not be stored")
        gate.report(error)
        return _refused(unavailable())


def _upload(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        raise ApiError("METHOD_NOT_ALLOWED", "Journals are sent by POST.", allow=("POST",))
    gate.enter()
    credential = Credential.of(request.META, ApiKey.Scope.LOGS, NAME)
    scope = authenticate_noted(credential).scope
    unpacker = unpacker_for(request.META.get("HTTP_CONTENT_ENCODING", ""))
    give_back_connection()
    try:
        stream = body_stream(request)
        stored = _Journal(stream, unpacker, _Pieces(credential, scope.key_id, stream)).store()
    except ApiError as error:
        record_refused_request(scope, credential, error)
        raise
    return HttpResponse(f"{stored} entries stored.\n", content_type="text/plain; charset=utf-8")


def _refused(error: ApiError) -> HttpResponse:
    return status_response(error, f"{error.message}\n".encode(), "text/plain; charset=utf-8")


class _Journal:
    """One request: reads, cuts into pieces, and waits where the key has sent enough for now."""

    def __init__(self, stream: BodyStream, unpacker: Unpacker, pieces: _Pieces) -> None:
        self._stream = stream
        self._unpacker = unpacker
        self._pieces = pieces
        self._reader = ExportReader()
        self._heard_at = time.monotonic()

    def store(self) -> int:
        """Store all of it; returns how many entries. Raises ApiError when it ends before its end."""
        while (part := self._read()) != b"":
            self._look_after(part)
            if part is not None:
                for content in self._unpacker.feed(part):
                    self._add(content)
            else:
                self._pieces.store_new()
        self._keep(self._reader.finish())
        self._pieces.store_rest()
        return self._pieces.stored

    def _read(self) -> bytes | None:
        try:
            return self._stream.read(PAUSE_SECONDS)
        except OSError as error:
            self._pieces.store_new()
            raise ApiError("BAD_REQUEST", "The journal broke off, or did not arrive in time.") from error

    def _add(self, content: bytes) -> None:
        try:
            self._keep(self._reader.feed(content))
        except NotAJournalError as error:
            self._keep(self._reader.take())
            self._pieces.store_new()
            raise ApiError("BAD_REQUEST", "The body is not in the journal export format.") from error

    def _keep(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._pieces.add(entry)

    def _look_after(self, part: bytes | None) -> None:
        """End what is silent for too long, and what others wait for."""
        now = time.monotonic()
        if part is not None:
            self._heard_at = now
        elif now > self._heard_at + settings.INGEST_STREAM_IDLE_SECONDS:
            self._pieces.store_new()
            raise ApiError("BAD_REQUEST", f"Nothing came for {settings.INGEST_STREAM_IDLE_SECONDS:g} seconds.")
        if self._stream.is_to_make_way:
            self._pieces.store_new()
            raise ApiError("UNAVAILABLE", "Others wait to send their journals. Send on in a moment.", retry_after=1)


class _Pieces:
    """The entries of a journal that are not stored yet; stores them when there are enough."""

    def __init__(self, credential: Credential, key_id: UUID, stream: BodyStream) -> None:
        self.stored = 0
        self._stream = stream
        self._credential = credential
        self._key_id = key_id
        self._entries: list[Entry] = []
        self._size = 0
        self._known: dict[str, Any] | None = None  # what the receipt of a piece that began like this one says

    def add(self, entry: Entry) -> None:
        """Take an entry."""
        if not self._entries:
            self._known = self._receipt_for(entry)
        self._entries.append(entry)
        self._size += entry.size
        is_full = len(self._entries) >= PIECE_ENTRIES or self._size >= PIECE_BYTES
        if self._known and len(self._entries) == self._known["entries"]:
            if self._known["digest"] == self._digest():
                self._forget()  # it came before, to the last entry
                return
            self._known = None
        if is_full:
            self.store_rest()

    def store_new(self) -> None:
        """Store what there is, unless it seems to come for the second time: of that, more is to come."""
        if self._known is None:
            self.store_rest()

    def store_rest(self) -> None:
        """Store what there is. Raises ApiError 429 when the key may not send more for longer than a moment."""
        if not self._entries:
            return
        rows = [row_of_entry(entry.fields) for entry in self._entries]

        def read(window: AcceptedTimes) -> Batch:
            batch = batch_of(rows, window)
            batch.size = self._size
            return batch

        self._commit(read)
        self.stored += len(rows)
        self._forget()
        give_back_connection()

    def _commit(self, read: Callable[[AcceptedTimes], Batch]) -> None:
        until = time.monotonic() + settings.INGEST_STREAM_IDLE_SECONDS
        receipt = self._receipt()
        while True:
            try:
                commit_piece(self._credential, read, receipt)
                return
            except AlreadyAnsweredError:
                receipt = None  # a piece that began like this one, and went on otherwise
            except ApiError as error:
                wait = error.retry_after or 0
                is_over = time.monotonic() > until or self._stream.is_to_make_way
                if error.code != "RATE_LIMITED" or wait > LONGEST_WAIT or is_over:
                    raise
                give_back_connection()
                time.sleep(wait)  # and the client with us, who can send no more meanwhile

    def _receipt(self) -> Receipt | None:
        name = _receipt_name(self._entries[0])
        return Receipt(name, {"entries": len(self._entries), "digest": self._digest()}) if name else None

    def _receipt_for(self, entry: Entry) -> dict[str, Any] | None:
        name = _receipt_name(entry)
        answer = first_answer(self._key_id, name) if name else None
        give_back_connection()
        return answer if answer and {"entries", "digest"} <= answer.keys() else None

    def _digest(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for entry in self._entries:
            digest.update(entry.cursor + b"\n")
        return digest.hexdigest()

    def _forget(self) -> None:
        self._entries, self._size, self._known = [], 0, None


def _receipt_name(entry: Entry) -> str:
    """Return the name of the receipt for a piece that begins with this entry; "" where that has no cursor."""
    return f"{NAME}:{hashlib.blake2b(entry.cursor, digest_size=16).hexdigest()}" if entry.cursor else ""
