"""An S3-compatible object storage on loopback: as much of it as uploads in parts need."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

_NUMBER = "{http://s3.amazonaws.com/doc/2006-03-01/}PartNumber"


@dataclass
class ObjectStorage:
    """What it holds: whole objects by `/bucket/key`, uploads that are under way by their id."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    authorizations: set[str] = field(default_factory=set)
    refuses_part: int = 0
    url: str = ""


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    """Run one at `url` until the block ends."""
    storage, ids = ObjectStorage(), itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            path, query, body = self._read()
            if "uploads" in query:
                upload = f"upload-{next(ids)}"
                storage.uploads[upload] = {}
                self._answer(200, f"<R><Bucket>b</Bucket><Key>k</Key><UploadId>{upload}</UploadId></R>")
                return
            parts = storage.uploads.pop(query["uploadId"][0])
            numbers = [int(each.text or 0) for each in ElementTree.fromstring(body).iter(_NUMBER)]
            storage.objects[path] = b"".join(parts[number] for number in numbers)
            self._answer(200, "<R><ETag>whole</ETag></R>")

        def do_PUT(self) -> None:
            _, query, body = self._read()
            number = int(query["partNumber"][0])
            if number == storage.refuses_part:
                self._answer(403, "<Error><Code>AccessDenied</Code><Message>No more room for you.</Message></Error>")
                return
            storage.uploads[query["uploadId"][0]][number] = body
            self._answer(200, "", etag=f'"{number}"')

        def do_DELETE(self) -> None:
            _, query, _ = self._read()
            del storage.uploads[query["uploadId"][0]]
            self._answer(204, "")

        def log_message(self, *args: Any) -> None:
            pass

        def _read(self) -> tuple[str, dict[str, list[str]], bytes]:
            parts = urlsplit(self.path)
            storage.authorizations.add(self.headers.get("authorization", ""))
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            return unquote(parts.path), parse_qs(parts.query, keep_blank_values=True), body

        def _answer(self, status: int, text: str, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"content-length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    storage.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield storage
    finally:
        server.shutdown()
        server.server_close()
