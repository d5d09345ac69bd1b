from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.mail import send_mail


def test_mail_without_a_server_is_kept_where_others_cannot_read_it(tmp_path: Path, settings: Any) -> None:
    settings.EMAIL_FILE_PATH = tmp_path / "data" / "mail"
    settings.EMAIL_BACKEND = "accounts.mail_backend.PrivateFileBackend"
    for _ in range(2):
        send_mail("Subject", "a link", "from@example.org", ["to@example.org"])
    folder = tmp_path / "data" / "mail"
    assert folder.stat().st_mode & 0o777 == 0o700
    # Two backends of one second may share a file: Django names it by the time and the object's address, and appends.
    assert sum(file.read_text().count("Subject: Subject") for file in folder.iterdir()) == 2
