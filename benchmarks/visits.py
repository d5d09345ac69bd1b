"""Visit every page of the URLconf as every reader in a real Chromium: without data, with the demo, over 10 M logs.

    python -m benchmarks.visits [--data none,demo,full] [--readers viewer,admin] [--all] [--write]

Each page answers with the status that it should, costs at most twelve queries and, with the demo, 100 ms of the server
(the dashboard also over ten million logs); nothing is on its console, axe finds nothing serious in light and dark, and
it fits a phone. With the demo a browser that was never here gets at most 120 KB of a page (and 250 KB of a document's
pictures, for which no one waits), nothing moves as it loads, and a key takes at most 100 ms with the processor slowed
down to a quarter. What breaks that is listed, and the exit code is 1. Queries are counted of one request that is for
that alone; milliseconds are the quickest of five more, from the first middleware to the last.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, sync_playwright

from benchmarks.report import Table, write_section
from tests.support.chromium import CHROMIUM_FLAGS, found_chromium
from tests.support.installation import Installation
from tests.visits.browsing import THEMES, Sight, look_at
from tests.visits.counting import COUNT
from tests.visits.first_load import FirstLoad, first_load

DATA = ("none", "demo", "full")
TIMED = 5
ENDLESS = {"live"}  # a server that is whole keeps it open for as long as the tab is
LOADED_ANEW = {"anonymous", "admin"}  # whose pages hold all that the others' do
LOOKED_AT_CLOSELY = {"anonymous", "newcomer", "viewer", "admin"}  # the others' pages are made of the same parts
_SETTINGS = "tests.visits.counting_settings"
_PLAN = "from tests.visits.plan import {0}, print_plan; print_plan({0}())"
_COOKIE = "pulseops_session"
_INTRODUCTION = f"""Every page in Chromium, without data (none), with the demo (demo) and over ten million logs (full):
the worst of those readers to whom it was shown. Queries are counted of one request, milliseconds are the quickest of
{TIMED} more (what else the machine does makes a request slower, never quicker), from the first middleware to the last.
Visited were also the Django admin and, by readers who are refused, everything else: each answered with the status that
it should, said nothing on the console, showed axe nothing serious in light and dark and fitted a phone, but for the
faults."""
Plan = dict[str, Any]


@dataclass(slots=True)
class Visit:
    """One reader on one page."""

    data: str
    reader: str
    page: dict[str, Any]
    status: int
    queries: int
    milliseconds: float
    sight: Sight | None = None
    load: FirstLoad | None = None
    faults: list[str] = field(default_factory=list)

    def judge(self) -> None:
        """Note what breaks a budget."""
        expected = self.page["answers"][self.reader]
        if self.status not in expected:
            self.faults.append(f"status {self.status}, not {expected}")
        if self.queries > self.page["queries"]:
            self.faults.append(f"{self.queries} queries, not {self.page['queries']}")
        is_timed = self.data == "demo" or self.page["name"] == "dashboard"
        if is_timed and not self.page["is_admin_site"] and self.milliseconds > self.page["milliseconds"]:
            self.faults.append(f"{self.milliseconds:.0f} ms, not {self.page['milliseconds']}")
        if self.sight:
            self.faults += self.sight.faults
        if self.load:
            self.faults += self.load.faults


def main() -> int:
    """Visit and print; returns 1 if anything breaks a budget."""
    chosen = _options()
    visits: list[Visit] = []
    with tempfile.TemporaryDirectory(prefix="pulseops-static-") as static:
        environment = {
            "DJANGO_SETTINGS_MODULE": _SETTINGS,
            "STATIC_ROOT": static,
            "LOG_LEVEL": "ERROR",
            "METRICS_TOKEN": "a token that no reader has",
        }
        for data in chosen.data:
            with _served(data, environment) as (url, plan):
                visits += _tour(data, url, plan, chosen.readers)
    print("\n\n".join(table.markdown() for table in _tables(visits, every=chosen.all)))
    wrong = [f"{v.data}, {v.reader}: {v.page['name']}: {fault}" for v in visits for fault in v.faults]
    counted = f"{len(visits):,} visits, {len(wrong)} faults"
    if chosen.write:
        text = "\n\n".join([_INTRODUCTION, counted + ".", _overview(visits).markdown()])
        write_section(Path(__file__).parent.parent / "docs" / "performance.md", "Pages", text)
    print("\n" + counted + "".join(f"\n- {each}" for each in dict.fromkeys(wrong)))
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=lambda said: said.split(","), default=list(DATA))
    parser.add_argument("--readers", type=lambda said: said.split(","), default=None)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--all", action="store_true", help="print every visit, not one line a page")
    return parser.parse_args()


@contextmanager
def _served(data: str, environment: dict[str, str]) -> Iterator[tuple[str, Plan]]:
    """Serve the data by gunicorn; gives the address, and who is to visit what."""
    if data == "full":
        with _ten_million(environment) as served:
            yield served
        return
    installation = Installation(**environment)
    try:
        installation.manage("collectstatic", "--no-input", "--verbosity=0")
        name = "plan_with_demo" if data == "demo" else "plan_with_nothing"
        plan = installation.manage("shell", "--no-imports", "--command", _PLAN.format(name)).splitlines()[-1]
        installation.start_web()
        yield installation.url, json.loads(plan)
    finally:
        installation.close()


@contextmanager
def _ten_million(environment: dict[str, str]) -> Iterator[tuple[str, Plan]]:
    from benchmarks.dataset import ADMIN, BIG, DEVELOPER, OUTSIDER, SUPERUSER, VIEWER, dataset

    with dataset() as made:
        from accounts.models import Org, User
        from tests.visits.plan import plan
        from tests.visits.rows import rows_of

        org = Org.objects.get(name=BIG)
        emails = {"viewer": VIEWER, "developer": DEVELOPER, "admin": ADMIN, "outsider": OUTSIDER}
        readers = {name: User.objects.get(email=email) for name, email in emails.items()}
        readers["superuser"] = User.objects.get(email=SUPERUSER)
        readers["newcomer"] = User.objects.get_or_create(email="newcomer@pulseops.example")[0]
        server = Installation(directory=made.directory, **environment)
        try:
            server.manage("collectstatic", "--no-input", "--verbosity=0")
            planned = plan(readers, org, rows_of(org))
            server.start_web()
            yield server.url, planned
        finally:
            server.close()


def _tour(data: str, url: str, plan: Plan, readers: list[str] | None) -> list[Visit]:
    """Let every reader visit every page, the Django admin for those whom it could let in."""
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found_chromium(), args=CHROMIUM_FLAGS)
        for reader in readers or plan["pages"][0]["answers"]:
            context = browser.new_context(base_url=url)
            if cookie := plan["cookies"].get(reader):
                context.add_cookies([{"name": _COOKIE, "value": cookie, "url": url}])
            may_be_let_in = reader in {"anonymous", "admin", "superuser"}
            visited = [page for page in plan["pages"] if may_be_let_in or not page["is_admin_site"]]
            visited = [page for page in visited if page["name"] not in ENDLESS]
            found += [_visit(context, data, url, reader, page) for page in visited]
            print(f"{data}: {reader} has been everywhere", file=sys.stderr, flush=True)
            context.close()
        browser.close()
    return found


def _visit(context: BrowserContext, data: str, url: str, reader: str, page: dict[str, Any]) -> Visit:
    status, _, queries = _ask(context, page["address"], is_counted=True)
    waits = [_ask(context, page["address"])[1] for _ in range(TIMED)]
    visit = Visit(data, reader, page, status, queries, min(waits))
    if status == 200 and page["is_shown"]:
        is_close = reader in LOOKED_AT_CLOSELY
        visit.sight = look_at(context, page["address"], themes=THEMES if is_close else (), on_phone=is_close)
        if data == "demo" and reader in LOADED_ANEW and not page["is_admin_site"] and context.browser:
            cookies = [{"name": each["name"], "value": each["value"], "url": url} for each in context.cookies()]
            visit.load = first_load(context.browser, url, page["address"], cookies)
    visit.judge()
    return visit


def _ask(context: BrowserContext, address: str, *, is_counted: bool = False) -> tuple[int, float, int]:
    """Return status, milliseconds of the server, and the number of queries if it is asked for."""
    response = context.request.get(address, max_redirects=0, headers={COUNT: "1"} if is_counted else {})
    told = response.headers.get("server-timing", "")
    took, queries = re.search(r"dur=([0-9.]+)", told), re.search(r'desc="(\d+)"', told)
    status = response.status
    response.dispose()
    return status, float(took[1]) if took else 0.0, int(queries[1]) if queries else 0


def _overview(visits: list[Visit]) -> Table:
    """Give a line for each page but those of the Django admin: what it cost with each data."""
    data = list(dict.fromkeys(visit.data for visit in visits))
    shown: dict[str, dict[str, list[Visit]]] = {}
    for visit in visits:
        if visit.status == 200 and not visit.page["is_admin_site"]:
            shown.setdefault(visit.page["name"], {}).setdefault(visit.data, []).append(visit)
    table = Table("Cost of a page", ["page", *(f"queries, {each}" for each in data), *(f"ms, {each}" for each in data)])
    for name, found in shown.items():
        queries = [max((visit.queries for visit in found.get(each, [])), default="") for each in data]
        waits = [max((round(visit.milliseconds) for visit in found.get(each, [])), default="") for each in data]
        table.add(f"`{name}`".replace("|", "\\|"), *queries, *waits)
    return table


def _tables(visits: list[Visit], *, every: bool) -> Iterator[Table]:
    """Give a table of each data set: a line for each visit, or one for each page with the worst of its visits."""
    for data in dict.fromkeys(visit.data for visit in visits):
        table = Table(
            f"Pages, {data}",
            ["page", "readers", "status", "queries", "ms", "console", "axe", "wide", "KB", "shift", "key ms"],
        )
        groups: dict[tuple[str, str], list[Visit]] = {}
        for visit in visits:
            if visit.data == data:
                groups.setdefault((visit.page["name"], visit.reader if every else str(visit.status)), []).append(visit)
        for (name, _), group in groups.items():
            sights = [visit.sight for visit in group if visit.sight]
            loads = [visit.load for visit in group if visit.load]
            table.add(
                name.replace("|", "\\|"), " ".join(visit.reader for visit in group), group[0].status,
                max(visit.queries for visit in group), f"{max(visit.milliseconds for visit in group):.0f}",
                sum(len(sight.console) for sight in sights) if sights else "",
                sum(len(sight.axe) for sight in sights) if sights else "",
                max((sight.too_wide for sight in sights), default=""),
                *([f"{max(each):.{digits}f}" for each, digits in (
                    ([load.kilobytes for load in loads], 0), ([load.shift for load in loads], 3),
                    ([load.milliseconds for load in loads], 0))] if loads else ["", "", ""]),
            )  # fmt: skip
        yield table


if __name__ == "__main__":
    sys.exit(main())
