"""Where one is signed in, and ending that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import user_agents
from accounts.actions.sessions import end_other_sessions, end_session
from accounts.queries import live_sessions
from pulseops.core.ui.times import duration


@require_safe
def sessions(request: Any) -> HttpResponse:
    """List the browsers in which the reader is signed in, this one first."""
    rows = [
        {"row": row, "device": user_agents.name(row.user_agent), "is_this": row.pk == request.session.row.pk}
        for row in live_sessions(request.user)
    ]
    rows.sort(key=lambda each: not each["is_this"])
    values = {
        "sessions": rows,
        "idle": duration(settings.SESSION_IDLE_HOURS * 3600),
        "absolute": duration(settings.SESSION_ABSOLUTE_HOURS * 3600),
    }
    return render(request, "accounts/sessions.html", values)


@require_POST
def end(request: Any, session_id: UUID) -> HttpResponse:
    """End one of the reader's sessions; ending this one signs out."""
    session = get_object_or_404(live_sessions(request.user), pk=session_id)
    if session.pk == request.session.row.pk:
        logout(request)
        return redirect("account_login")
    end_session(actor=request.user, session=session)
    messages.success(request, f"{user_agents.name(session.user_agent)} is signed out.")
    return redirect("accounts:sessions")


@require_POST
def end_others(request: Any) -> HttpResponse:
    """End all of the reader's sessions but this one."""
    count = end_other_sessions(actor=request.user, keep=request.session.row)
    messages.success(request, f"{count} other session{'' if count == 1 else 's'} ended.")
    return redirect("accounts:sessions")
