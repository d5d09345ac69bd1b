"""Changing incidents over HTTP: each view is one action, and goes back to where it came from."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.tenancy import OrgRequest, org_developer
from incidents import actions
from incidents.forms import AssigneeForm, IncidentForm, NoteForm, SeverityForm, SnoozeForm, WordsForm
from incidents.models import Incident
from incidents.transitions import TRANSITIONS, Move, TransitionError
from incidents.views.reading import render_detail
from pulseops.core.web.numbers import whole_number
from pulseops.core.web.preferences import safe_next

_BULK = 200  # incidents changed at once


@require_http_methods(["GET", "POST"])
@org_developer
def incident_create(request: OrgRequest) -> HttpResponse:
    """Open an incident by hand."""
    form = IncidentForm(request.POST or None, org=request.org)
    if request.method == "POST" and form.is_valid():
        incident = actions.open_incident(actor=request.user, org=request.org, **form.cleaned_data)
        messages.success(request, "The incident is open, and the channels are notified.")
        return redirect("incidents:detail", incident.pk)
    return render(request, "incidents/form.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@org_developer
def incident_move(request: OrgRequest, incident_id: int, move: Move) -> HttpResponse:
    """Acknowledge, resolve or reopen."""
    incident = _incident(request, incident_id)
    try:
        if actions.move_incident(actor=request.user, incident=incident, move=move):
            messages.success(request, f"{TRANSITIONS[move].words}.")
    except TransitionError as error:
        messages.error(request, str(error))
    return redirect("incidents:detail", incident.pk)


@require_POST
@org_developer
def incident_bulk(request: OrgRequest) -> HttpResponseBase:
    """Make one move with each of the chosen incidents."""
    move = Move.RESOLVE if request.POST.get("move") == Move.RESOLVE else Move.ACKNOWLEDGE
    chosen = [number for text in request.POST.getlist("incident") if (number := whole_number(text)) is not None]
    if not chosen:
        messages.warning(request, "Choose the incidents first.")
        return redirect(safe_next(request))
    changed = refused = 0
    for incident in Incident.objects.for_org(request.org).filter(pk__in=chosen[:_BULK]).order_by("pk"):
        try:
            changed += actions.move_incident(actor=request.user, incident=incident, move=move)
        except TransitionError:
            refused += 1
    if changed or not refused:
        messages.success(request, f"{TRANSITIONS[move].words}: {changed} incident{'' if changed == 1 else 's'}.")
    if refused:
        messages.error(request, f"{refused} resolved incident{'' if refused == 1 else 's'} would have to be reopened.")
    return redirect(safe_next(request))


@require_POST
@org_developer
def incident_note(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Write a note into the timeline."""
    incident = _incident(request, incident_id)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return render_detail(request, incident, form, status=422)
    actions.add_note(actor=request.user, incident=incident, **form.cleaned_data)
    is_sent = form.cleaned_data["is_sent"]
    messages.success(request, f"The note is in the timeline{' and on its way to the channels' if is_sent else ''}.")
    return redirect("incidents:detail", incident.pk)


@require_POST
@org_developer
def incident_snooze(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Leave an incident alone for a while, or end that. Developers may for a day, admins for a week."""
    incident = _incident(request, incident_id)
    form = SnoozeForm(request.POST, is_admin=request.membership.is_admin)
    if not form.is_valid():
        messages.error(request, "Snoozing for so long needs the role admin.")
        return redirect("incidents:detail", incident.pk)
    length = form.duration
    try:
        actions.snooze_incident(
            actor=request.user, incident=incident, until=timezone.now() + length if length else None
        )
        messages.success(request, "The incident is snoozed." if length else "The incident is no longer snoozed.")
    except TransitionError as error:
        messages.error(request, str(error))
    return redirect("incidents:detail", incident.pk)


@require_POST
@org_developer
def incident_severity(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Set the severity."""
    incident = _incident(request, incident_id)
    form = SeverityForm(request.POST)
    if form.is_valid():
        actions.change_severity(actor=request.user, incident=incident, **form.cleaned_data)
        messages.success(request, f"The severity is {incident.get_severity_display().lower()}.")
    else:
        messages.error(request, "There is no such severity.")
    return redirect("incidents:detail", incident.pk)


@require_POST
@org_developer
def incident_assign(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Set the assignee."""
    incident = _incident(request, incident_id)
    form = AssigneeForm(request.POST, org=request.org)
    if form.is_valid():
        actions.assign_incident(actor=request.user, incident=incident, **form.cleaned_data)
        name = incident.assignee.display_name if incident.assignee else ""
        messages.success(request, f"Assigned to {name}." if name else "The assignee was removed.")
    else:
        messages.error(request, "Only members of the organisation can be assigned.")
    return redirect("incidents:detail", incident.pk)


@require_http_methods(["GET", "POST"])
@org_developer
def incident_edit(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Change title and description."""
    incident = _incident(request, incident_id)
    initial = {"title": incident.title, "description": incident.description or ""}
    form = WordsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.edit_incident(actor=request.user, incident=incident, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("incidents:detail", incident.pk)
    values = {"form": form, "incident": incident}
    return render(request, "incidents/form.html", values, status=422 if form.errors else 200)


def _incident(request: OrgRequest, incident_id: int) -> Incident:
    rows = Incident.objects.for_org(request.org).select_related("org", "service", "environment", "assignee")
    return get_object_or_404(rows, pk=incident_id)
