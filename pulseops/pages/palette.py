"""The command palette: where to go, by a few letters of its name. It is a page, too, for the one who has no script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Org
from accounts.tenancy import OrgRequest, org_member
from alerts.queries import rules_named
from deployments.queries import deployments_of_commit
from incidents.queries import incidents_named
from logs.ids import logs_of_id
from pulseops.core.routes import address
from pulseops.core.ui import times
from pulseops.core.ui.context_processors import Frame
from pulseops.docs.pages import groups
from services.links import explorer_url
from services.queries import services_named

MOST = 6  # of each kind
MOST_LETTERS = 200
_SHA = re.compile("[0-9a-f]{7,40}")
_AROUND_ID = timedelta(hours=1)
_IDS = "Traces and requests"
_LOGS = "Logs"  # always among the hits: their text is searched elsewhere
_BESIDE = (
    ("Documentation", "docs:index", "help"),
    ("Organisations", "accounts:orgs", "users"),
    ("Your profile", "accounts:profile", "user"),
    ("Your sessions", "accounts:sessions", "system"),
    ("Two-factor sign-in", "mfa_index", "shield"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """Somewhere to go. `state` is said with its shape, where it has one."""

    label: str
    url: str
    icon: str
    note: str = ""
    state: str = ""
    state_label: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of one kind."""

    title: str
    hits: Sequence[Hit]


@require_safe
@org_member
def search(request: OrgRequest) -> HttpResponse:
    """Show where `?q=` may lead: as a page, or for the palette only the list."""
    query = " ".join(request.GET.get("q", "").replace("\0", " ").split())[:MOST_LETTERS]
    result = _groups(request, query)
    is_named = any(group.title != _LOGS for group in result)
    values = {"query": query, "groups": result, "is_named": is_named}
    template = "palette/_results.html" if request.headers.get("HX-Request") else "palette/search.html"
    return render(request, template, values)


def _groups(request: OrgRequest, query: str) -> list[Group]:
    words = query.lower().split()
    groups = [Group("Pages", _pages(request, words))]
    if words:
        groups += [
            Group("Deployments", _deployments(request.org, words)),
            Group(_IDS, _of_id(request.org, query)),
            Group("Services", _services(request.org, words)),
            Group("Incidents", _incidents(request.org, words)),
            Group("Alert rules", _rules(request.org, words)),
            Group("Documentation", _documents(words)),
            Group(_LOGS, _logs(query)),
        ]
    return [group for group in groups if group.hits]


def _pages(request: OrgRequest, words: Sequence[str]) -> list[Hit]:
    frame = Frame(request)
    links = [Hit(link.label, link.url, link.icon, f"g {link.key}" if link.key else "") for link in frame.nav]
    links += [Hit(link.label, link.url, link.icon, "Settings") for link in frame.settings_nav]
    links += [Hit(label, address(name), icon) for label, name, icon in _BESIDE]
    return [hit for hit in links if hit.url and _has_all(f"{hit.label} {hit.note}", words)]


def _has_all(text: str, words: Iterable[str]) -> bool:
    return all(word in text.lower() for word in words)


def _deployments(org: Org, words: Sequence[str]) -> list[Hit]:
    if len(words) != 1 or not _SHA.fullmatch(words[0]):
        return []
    rows = deployments_of_commit(org, words[0], limit=MOST)
    hits = [
        Hit(
            f"{row.commit_sha[:7]} to {row.service.name} in {row.environment.name}",
            address("deployments:detail", row.pk),
            "deployments",
            times.relative(row.created_at),
            row.status,
            row.get_status_display(),
        )
        for row in rows
    ]
    return [hit for hit in hits if hit.url]


def _of_id(org: Org, query: str) -> list[Hit]:
    found = logs_of_id(org, query)
    if found is None:
        return []
    since, until = found.at - _AROUND_ID, found.at + _AROUND_ID
    logs = explorer_url(words=found.query, since=since, until=until)
    return [Hit(f"Logs of {found.name} {query}", logs, "logs", times.relative(found.at))]


def _services(org: Org, words: Sequence[str]) -> list[Hit]:
    rows = services_named(org, words, limit=MOST)
    return [Hit(row.name, address("services:detail", row.pk), "service") for row in rows]


def _incidents(org: Org, words: Sequence[str]) -> list[Hit]:
    hits = [
        Hit(
            row.title,
            address("incidents:detail", row.pk),
            "incident",
            f"#{row.pk} {row.service.name}",
            row.status,
            row.get_status_display(),
        )
        for row in incidents_named(org, words, limit=MOST)
    ]
    return [hit for hit in hits if hit.url]


def _rules(org: Org, words: Sequence[str]) -> list[Hit]:
    rows = rules_named(org, words, limit=MOST)
    hits = [Hit(row.name, address("alerts:detail", row.pk), "bell", "" if row.enabled else "off") for row in rows]
    return [hit for hit in hits if hit.url]


def _documents(words: Sequence[str]) -> list[Hit]:
    links = [link for group in groups() for link in group.links]
    return [Hit(link.title, link.url, "help") for link in links if _has_all(link.title, words)]


def _logs(query: str) -> list[Hit]:
    explorer = explorer_url(words=query)
    return [Hit(f"Search the logs for {query}", explorer, "logs")] if explorer else []
