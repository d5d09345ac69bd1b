"""Changing incidents over HTTP: each view is one action, and goes back to where it came from."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.tenancy import OrgRequest, org_developer
from incidents import actions, postmortem
from incidents.forms import (
    AssigneeForm,
    CauseForm,
    IncidentForm,
    NoteForm,
    PostmortemForm,
    SeverityForm,
    SnoozeForm,
    WordsForm,
)
from incidents.models import Incident
from incidents.record import POSTMORTEM
from incidents.transitions import TRANSITIONS, Move, TransitionError
from incidents.views.detail import find_incident, render_detail, render_parts
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
    """Acknowledge, resolve (with a cause, if one is given) or reopen."""
    incident = find_incident(request, incident_id)
    form = CauseForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The incident is not resolved: a cause has at most 500 characters.")
        return redirect("incidents:detail", incident.pk)
    try:
        if actions.move_incident(actor=request.user, incident=incident, move=move, **form.cleaned_data):
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
    """Write a note into the timeline. htmx gets what has changed; the box that it was written in stays as it is."""
    incident = find_incident(request, incident_id)
    form = NoteForm(request.POST)
    is_htmx = request.headers.get("HX-Request") == "true"
    if not form.is_valid():
        if is_htmx:
            words = " ".join(str(error) for errors in form.errors.values() for error in errors)
            return HttpResponse(status=422, headers={"HX-Trigger": json.dumps({"toast": _toast(words, "error")})})
        return render_detail(request, incident, form, status=422)
    actions.add_note(actor=request.user, incident=incident, **form.cleaned_data)
    words = f"The note is in the timeline{' and on its way to the channels' if form.cleaned_data['is_sent'] else ''}."
    if is_htmx:
        return render_parts(request, incident, triggers={"noted": None, "toast": _toast(words)})
    messages.success(request, words)
    return redirect("incidents:detail", incident.pk)


def _toast(text: str, tone: str = "ok") -> dict[str, str]:
    return {"text": text, "tone": tone}


@require_http_methods(["GET", "POST"])
@org_developer
def incident_postmortem(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Write what a review says; where someone else has written meanwhile, show both and save neither."""
    incident = find_incident(request, incident_id)
    form = PostmortemForm(request.POST) if request.method == "POST" else PostmortemForm(initial=_written(incident))
    theirs: list[tuple[str, str]] = []
    if request.method == "POST" and form.is_valid():
        try:
            seen = form.cleaned_data["seen"].split()
            postmortem.write_postmortem(actor=request.user, incident=incident, seen=seen, texts=form.texts)
        except postmortem.ChangedMeanwhileError:
            now = postmortem.postmortem_digests(incident)
            pairs = zip(POSTMORTEM.items(), now, strict=True)
            theirs = [(label, getattr(incident, name) or "") for (name, label), each in pairs if each not in seen]
            form = PostmortemForm(initial={**form.texts, "seen": " ".join(now)})
        else:
            messages.success(request, "Saved.")
            return redirect("incidents:detail", incident.pk)
    values = {"form": form, "incident": incident, "theirs": theirs}
    return render(request, "incidents/postmortem.html", values, status=422 if form.errors or theirs else 200)


def _written(incident: Incident) -> dict[str, Any]:
    """Return the fields of the post-mortem, and digests of what the writer sees of them."""
    texts = {name: getattr(incident, name) or "" for name in POSTMORTEM}
    return {**texts, "seen": " ".join(postmortem.postmortem_digests(incident))}


@require_POST
@org_developer
def incident_snooze(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Leave an incident alone for a while, or end that. Developers may for a day, admins for a week."""
    incident = find_incident(request, incident_id)
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
    incident = find_incident(request, incident_id)
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
    incident = find_incident(request, incident_id)
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
    incident = find_incident(request, incident_id)
    initial = {"title": incident.title, "description": incident.description or ""}
    form = WordsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.edit_incident(actor=request.user, incident=incident, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("incidents:detail", incident.pk)
    values = {"form": form, "incident": incident}
    return render(request, "incidents/form.html", values, status=422 if form.errors else 200)
