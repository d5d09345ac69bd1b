"""A backup that does not stay here: streamed to an S3-compatible object storage, by boto3 where that is installed.

boto3 finds out by itself who we are and where the storage is, as it does for every program: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL_S3, or its own files. What is uploaded in parts is there as a whole
or not at all, so one that was cut short is never taken for a backup.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

SCHEME = "s3://"
_PART = 32 * 1024 * 1024  # in memory at a time; an object may have ten thousand, so it may have 312 GiB


class StorageError(Exception):
    """The storage cannot be used, or did not take the backup; the text says why."""


def object_url(text: str, suffix: str) -> str:
    """Return where a backup made now goes: `text`, with a name of its own where that ends in a slash.

    Raises StorageError where it names no object of a bucket.
    """
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment or not parts.path:
        raise StorageError(f"{text} is not s3://BUCKET/NAME or s3://BUCKET/DIRECTORY/.")
    return f"{text}{datetime.now(UTC):%Y%m%d-%H%M%S}{suffix}" if text.endswith("/") else text


@contextmanager
def open_object(url: str) -> Iterator[Upload]:
    """Give what a backup is written to; it stands at `url` when the block has ended without an exception.

    Raises StorageError.
    """
    client, failures = _client()
    parts = urlsplit(url)
    try:
        upload = Upload(client, parts.netloc, parts.path[1:])
        try:
            yield upload
            upload.finish()
        except BaseException:
            with suppress(*failures):
                upload.abort()
            raise
    except failures as error:
        raise StorageError(f"The object storage has failed: {error}") from error


class Upload(io.RawIOBase):
    """An object that is written in parts; `size` counts its bytes."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        super().__init__()
        self._client = client
        self._place = {"Bucket": bucket, "Key": key}
        self._place["UploadId"] = client.create_multipart_upload(**self._place)["UploadId"]
        self._parts: list[dict[str, Any]] = []
        self._waiting = bytearray()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        self.size += len(data)
        if len(self._waiting) >= _PART:
            self._send()
        return len(data)

    def finish(self) -> None:
        """Send what is left, and have the parts put together."""
        if self._waiting or not self._parts:
            self._send()
        self._client.complete_multipart_upload(**self._place, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        """Have the storage forget the parts, which cost as much as an object."""
        self._client.abort_multipart_upload(**self._place)

    def _send(self) -> None:
        number = len(self._parts) + 1
        answer = self._client.upload_part(**self._place, PartNumber=number, Body=bytes(self._waiting))
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._waiting.clear()


def _client() -> tuple[Any, tuple[type[Exception], ...]]:
    """Return boto3's client and what it raises; not imported before, for it is optional and large."""
    try:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise StorageError("boto3 is not installed. Install it: .venv/bin/python -m pip install boto3") from error
    failures = (BotoCoreError, ClientError)
    # Not all that are compatible know the checksums that are newer than S3 itself.
    config = Config(request_checksum_calculation="when_required", retries={"mode": "standard", "max_attempts": 5})
    try:
        return boto3.client("s3", config=config), failures
    except failures as error:
        raise StorageError(f"The object storage has failed: {error}") from error
