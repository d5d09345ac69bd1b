"""`manage.py backup --to`: an S3-compatible storage on loopback, driven by the real boto3."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any, BinaryIO

import pytest
from django.core.management import CommandError, call_command

from pulseops.backup import object_storage as uploads
from pulseops.backup import schedule
from pulseops.backup.create import DumpError
from pulseops.core.models import CronRun
from tests.support.object_storage import ObjectStorage, object_storage

PIECES = [b"a" * 700, b"b" * 700, b"c" * 100]


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStorage]:
    """A storage that boto3 finds by its environment; a part is a kilobyte."""
    monkeypatch.setattr(uploads, "_PART", 1_000)
    with object_storage() as made:
        environment = {"AWS_ENDPOINT_URL_S3": made.url, "AWS_REGION": "eu-central-1"}
        keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        for name, value in {**environment, **keys, "AWS_CONFIG_FILE": "/nowhere", "NO_PROXY": "127.0.0.1"}.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def dump(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `create_backup` writes; tests/backup/test_drill.py has real ones."""

    def create(target: BinaryIO, **_: Any) -> None:
        target.writelines(PIECES)

    monkeypatch.setattr(schedule, "create_backup", create)


@pytest.mark.django_db
@pytest.mark.usefixtures("dump")
def test_a_backup_is_streamed_in_parts_and_recorded(storage: ObjectStorage) -> None:
    call_command("backup", to="s3://bucket/house 1/a.pulseops", stdout=(said := StringIO()))
    assert storage.objects == {"/bucket/house 1/a.pulseops": b"".join(PIECES)}
    assert not storage.uploads
    assert all("AKIDEXAMPLE" in each for each in storage.authorizations)
    assert said.getvalue().startswith("s3://bucket/house 1/a.pulseops: 0.0 MiB")
    last = schedule.last_backup()
    assert last
    assert (last.path, last.bytes) == ("s3://bucket/house 1/a.pulseops", 1_500)


@pytest.mark.django_db
@pytest.mark.usefixtures("dump")
def test_one_that_the_storage_does_not_take_leaves_no_part(storage: ObjectStorage) -> None:
    storage.refuses_part = 2
    with pytest.raises(CommandError, match=r"The object storage has failed: .*No more room for you"):
        call_command("backup", to="s3://bucket/a")
    assert (storage.objects, storage.uploads) == ({}, {})
    assert CronRun.objects.get(job_name=schedule.JOB).status == "failure"


@pytest.mark.django_db
def test_one_whose_dump_fails_leaves_no_part(storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def create(target: BinaryIO, **_: Any) -> None:
        target.write(PIECES[0] * 2)
        raise DumpError("no room")

    monkeypatch.setattr(schedule, "create_backup", create)
    with pytest.raises(CommandError, match="no room"):
        call_command("backup", to="s3://bucket/a")
    assert (storage.objects, storage.uploads) == ({}, {})


@pytest.mark.django_db
def test_without_boto3_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(CommandError, match="pip install boto3"):
        call_command("backup", to="s3://bucket/a")


@pytest.mark.parametrize("text", ["bucket/a", "s3://", "s3://bucket", "https://h/a", "s3://b/a?x=1"])
def test_what_names_no_object_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="is not s3://BUCKET/NAME"):
        call_command("backup", to=text)


@pytest.mark.parametrize("directory", ["s3://bucket/", "s3://bucket/house/"])
def test_a_directory_gets_a_name_by_the_time(directory: str) -> None:
    name = uploads.object_url(directory, ".pulseops").removeprefix(directory)
    assert len(name) == len("20261130-040000.pulseops")
