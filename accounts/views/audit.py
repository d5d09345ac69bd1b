"""The organisation's audit log: reading, filtering, taking it away."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.audit import reader
from accounts.audit.descriptions import details, phrase, title
from accounts.audit.record import record
from accounts.fields import DayField
from accounts.models import Org
from accounts.tenancy import OrgRequest, org_admin
from pulseops.core.web.downloads import DownloadsBusyError, DownloadSlot, busy, download

_EXPORTS = {
    "csv": (reader.as_csv, "text/csv; charset=utf-8"),
    "ndjson": (reader.as_ndjson, "application/x-ndjson"),
}


class FilterForm(forms.Form):
    """What to show. Days are days of the reader's zone; both ends are included."""

    actor = forms.ChoiceField(label="Who", required=False)
    action = forms.ChoiceField(label="What", required=False)
    type = forms.ChoiceField(label="To what", required=False)
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)

    def __init__(self, *args: Any, org: Org, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(str(user.pk), user.display_name) for user in reader.actors(org)]
        self._offer("actor", [("", "Anyone"), *people, (reader.SYSTEM, "The system")])
        self._offer("action", [("", "Anything"), *((each, phrase(each)) for each in reader.actions(org))])
        self._offer("type", [("", "Anything"), *((each, each) for each in reader.resource_types(org))])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def filters(self) -> reader.Filters:
        """Return what was chosen; a field that makes no sense filters nothing."""
        self.is_valid()
        chosen = self.cleaned_data
        since, until = chosen.get("since"), chosen.get("until")
        return reader.Filters(
            actor=chosen.get("actor", ""),
            action=chosen.get("action", ""),
            resource_type=chosen.get("type", ""),
            since=_midnight(since) if since else None,
            until=_midnight(until + timedelta(days=1)) if until else None,
        )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@org_admin
@require_safe
def audit(request: OrgRequest) -> HttpResponse:
    """Show a page of the log, newest first."""
    form = FilterForm(request.GET, org=request.org)
    result = reader.rows(request.org, form.filters())
    page = reader.page(result, before=request.GET.get("before", ""), after=request.GET.get("after", ""))
    kept = {key: str(value) for key, value in request.GET.items() if key in form.fields and value}
    context = {
        "form": form,
        "is_filtered": bool(kept),
        "rows": [
            {"row": row, "phrase": phrase(row.action), "title": title(row.meta_json), "details": details(row.meta_json)}
            for row in page.rows
        ],
        "newer_url": f"?{urlencode({**kept, 'after': page.newer})}" if page.newer else "",
        "older_url": f"?{urlencode({**kept, 'before': page.older})}" if page.older else "",
        "query": urlencode(kept),
    }
    return render(request, "accounts/audit.html", context)


@org_admin
@require_safe
def export(request: OrgRequest, form: str) -> HttpResponseBase:
    """Stream what the filters of the query leave, as CSV or NDJSON; that it was taken away is recorded, too."""
    if form not in _EXPORTS:
        raise Http404
    write, content_type = _EXPORTS[form]
    filters = FilterForm(request.GET, org=request.org).filters()
    try:
        slot = DownloadSlot(request.org.pk, request.user.pk)
    except DownloadsBusyError as error:
        return busy(error)
    record(actor=request.user, org=request.org, action="audit.exported", resource=request.org, meta={"form": form})
    chunks = write(reader.rows(request.org, filters))
    return download(chunks, slot, content_type=content_type, name=f"audit-{timezone.now():%Y-%m-%d}.{form}")
