"""Pages with the demo in a real Chromium: nothing on the console, nothing serious for axe, fit for a phone.

The suite has no minute for it, so it leaves out the pages that tests of their own look at, and light and dark take
turns. `make bench` looks at all of them in both, as every reader.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests.visits.browsing import THEMES, look_at
from tests.visits.pages import pages
from tests.visits.rows import demo_org, readers_of, rows_of

# Tests of the page itself open these in a browser, and let axe look.
SEEN_ELSEWHERE = {
    "landing", "dashboard", "diagnostics", "search", "account_login", "account_signup", "account_reset_password",
    "account_change_password", "mfa_index", "accounts:profile", "accounts:sessions", "accounts:orgs",
    "accounts:org_settings", "accounts:members", "accounts:audit", "alerts:create", "alerts:detail", "alerts:edit",
    "alerts:list", "deployments:connect", "deployments:detail", "deployments:list", "incidents:create",
    "incidents:detail", "incidents:list", "logs:explorer", "logs:entry", "notifications:channels",
    "notifications:create", "services:list", "services:create", "services:delete", "services:detail", "services:edit",
    "services:environment_add", "services:environment_rename", "services:key_create", "services:key_rotate",
    "services:key_setup", "mfa_list_webauthn",
}  # fmt: skip


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.django_db(transaction=True)
def test_the_other_pages(context: Any, live_server: Any, sign_in: Callable[[User], None]) -> None:
    org = demo_org(timezone.now())
    sign_in(readers_of(org)["admin"])
    faults = []
    shown = [each for each in pages(rows_of(org)) if each.is_shown and each.answers("admin") == {200}]
    others = [each for each in shown if each.name.split("?")[0].split()[0] not in {*SEEN_ELSEWHERE, "docs:page"}]
    for number, each in enumerate(others):
        sight = look_at(context, f"{live_server.url}{each.address}", themes=[THEMES[number % 2]])
        faults += [f"{each.name}: {fault}" for fault in sight.faults]
    assert len(others) > 5
    assert not faults, "\n".join(faults)
