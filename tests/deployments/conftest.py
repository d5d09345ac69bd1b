"""Fixtures of the deployments' tests."""

from __future__ import annotations

import pytest

from accounts.models import Org
from deployments.models import GitHubIntegration
from tests.deployments.github import make_integration


@pytest.fixture
def integration(org: Org) -> GitHubIntegration:
    return make_integration(org)
