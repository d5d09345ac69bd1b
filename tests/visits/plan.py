"""Who visits which addresses, as JSON: made beside the database, followed by a browser in another process."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Org, Session, User
from pulseops.demo.story import SPAN
from tests.support.factories import make_org
from tests.support.sign_in import signed_in
from tests.visits.budgets import budget_of
from tests.visits.pages import READERS, pages
from tests.visits.rows import demo_org, readers_of, rows_of, seem_alive

Plan = dict[str, Any]


def plan_with_nothing() -> Plan:
    """Create an organisation without anything."""
    return plan(readers_of(org := make_org("Acme")), org, {})


def plan_with_demo() -> Plan:
    """Fill the demo's organisation."""
    org = demo_org(timezone.now(), span=SPAN)
    return plan(readers_of(org), org, rows_of(org))


def plan(readers: dict[str, User], org: Org, rows: dict[str, object]) -> Plan:
    """Return a session of each reader, in which `org` is at hand to its members, and every page with its answers."""
    seem_alive()
    return {
        "cookies": {name: _session(user, org) for name, user in readers.items()},
        "pages": [
            {
                "name": page.name,
                "address": page.address,
                "is_shown": page.is_shown,
                "is_admin_site": page.is_admin_site,
                "queries": budget_of(page).queries,
                "milliseconds": budget_of(page).milliseconds,
                "answers": {reader: sorted(page.answers(reader)) for reader in READERS},
            }
            for page in pages(rows)
        ],
    }


def print_plan(made: Plan) -> None:
    """Write it to the standard output, as the last line."""
    print(json.dumps(made))


def _session(user: User, org: Org) -> str:
    client = signed_in(user)
    if user.memberships.filter(org=org).exists():
        Session.objects.filter(user=user).update(active_org=org)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)
