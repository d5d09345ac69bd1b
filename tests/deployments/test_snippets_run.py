"""Each snippet for a CI is run as it stands against the running product, and its deployment is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from deployments.models import Deployment
from deployments.snippets import deployment_snippets
from tests.support.factories import make_key, make_org, make_service

needs_tools = pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "jq", "git"))), reason="the snippets call curl, jq and git"
)
# What the CI systems set for the scripts of their jobs.
GIVEN = {
    "curl": {},
    "GitHub Actions": {
        "STATUS": "failure",
        "GITHUB_SHA": "9c1f0b7e52d84a6f3e0d7c5b1a29486f70e3d5a2",
        "GITHUB_REF_NAME": "main",
        "GITHUB_ACTOR": "ada",
        "GITHUB_RUN_ID": "14002917733",
        "GITHUB_RUN_ATTEMPT": "2",
        "RUN_URL": "https://github.com/northwind-labs/checkout/actions/runs/14002917733",
    },
    "GitLab CI": {
        "CI_JOB_STATUS": "failed",
        "CI_COMMIT_SHA": "9c1f0b7e52d84a6f3e0d7c5b1a29486f70e3d5a2",
        "CI_COMMIT_REF_NAME": "main",
        "CI_COMMIT_MESSAGE": 'Say "hello"\n\nto all',
        "GITLAB_USER_NAME": "Ada",
        "CI_JOB_URL": "https://gitlab.example/northwind/checkout/-/jobs/42",
        "CI_JOB_ID": "42",
    },
}


def script(label: str) -> str:
    """Return the part of the snippet that a shell runs."""
    code = next(each.code for each in deployment_snippets() if each.label == label)
    starts = {"GitHub Actions": r"  run: \|\n", "GitLab CI": r"  after_script:\n    - \|\n"}
    return textwrap.dedent(re.split(starts[label], code)[1]) if label in starts else code


@needs_tools
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("label", GIVEN)
def test_runs_as_it_stands(label: str, live_server: LiveServer, settings: Any, tmp_path: Path) -> None:
    settings.PUBLIC_URL = live_server.url
    service = make_service(make_org(), "checkout", environments=("production",))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PULSEOPS_API_KEY": make_key(service.environments.get()),
        **GIVEN[label],
    }
    commit = "git init -q -b main . && git -c user.name='Ada \"L\"' -c user.email=a@b.c commit -q --allow-empty -m Hi"
    done = subprocess.run(
        ["bash", "-ec", f"{commit}\n{script(label)}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    deployment = Deployment.objects.get()
    assert (deployment.service, deployment.branch) == (service, "main")
    assert deployment.status == ("success" if label == "curl" else "failure")
    assert deployment.author
    assert deployment.external_id
