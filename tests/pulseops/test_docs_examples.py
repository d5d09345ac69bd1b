"""What the documents tell to run is run as it stands there: requests against the product, backup and restore."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from logs.models import LogEntry
from services.models import Environment
from services.snippets import filled_snippets
from services.snippets.catalog import GROUPS as CLIENT_GROUPS
from services.snippets.catalog import ClientGroup
from tests.support.factories import make_key, make_org, make_service

ROOT = Path(settings.BASE_DIR)
NDJSON = '{"level": "info", "message": "one"}\n{"level": "error", "message": "two"}\n'


def blocks(name: str, language: str) -> list[str]:
    """Return the code blocks of a document."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


REQUESTS = [
    (name, number)
    for name in ("README.md", "docs/send-logs.md", "docs/http-api.md", "docs/deployments.md")
    for number, block in enumerate(blocks(name, "sh"))
    if block.startswith("curl")
]


@pytest.fixture
def production(db: None) -> Environment:
    return make_service(make_org(), "shop", environments=("production",)).environments.get()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "number"), REQUESTS)
def test_requests_are_answered(
    name: str, number: int, live_server: LiveServer, production: Environment, tmp_path: Path
) -> None:
    (tmp_path / "batch.ndjson").write_text(NDJSON)
    key = make_key(production)
    done = subprocess.run(
        ["bash", "-euc", blocks(name, "sh")[number].replace("http://localhost:8000", live_server.url)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PULSEOPS_URL": live_server.url, "PULSEOPS_API_KEY": key, "KEY": key},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)["data"]
    if "commit_sha" in done.args[-1]:
        assert answer["external_id"] in done.args[-1]
    else:
        assert answer == {"accepted": LogEntry.objects.count()}


@pytest.mark.parametrize("group", CLIENT_GROUPS, ids=lambda group: group.slug or "own")
def test_the_documents_show_every_text(group: ClientGroup) -> None:
    name = f"docs/send-logs{'-' if group.slug else ''}{group.slug}.md"
    linked = re.findall(r"\(\.\./services/snippets/clients/([^)]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert linked == [each.filename for each in group.clients]


@pytest.mark.django_db
def test_a_document_shows_a_text_with_where_it_belongs_and_whether_it_is_run(client: Client) -> None:
    page = client.get("/docs/send-logs-system").content.decode()
    for words in (
        "/etc/rsyslog.d/60-pulseops.conf",
        "omelasticsearch",
        "apt-get install",
        "systemctl restart",
        "Tested",
    ):
        assert words in page
    assert "From its documentation" in client.get("/docs/send-logs-shippers").content.decode()


@pytest.mark.django_db
def test_the_page_shows_the_programs_themselves_with_this_installations_address(client: Client, settings: Any) -> None:
    for address in ("https://logs.acme.test", "https://logs.other.test"):
        settings.PUBLIC_URL = address
        page = client.get("/docs/send-logs").content.decode()
        assert page.count(f"{address}/api/v1/logs/ingest") >= len(filled_snippets())
        assert "services/snippets/" not in page
