"""The page behind “Acknowledge” in a message. A GET changes nothing: programs that preview links get here too."""

from __future__ import annotations

from contextlib import suppress

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Org, Role, User
from accounts.queries import role_in
from accounts.tenancy import public
from accounts.throttles import count_reply
from incidents.actions import acknowledge_incident
from incidents.models import Incident
from incidents.notices import Via
from incidents.queries import incident_of_reply, last_acknowledgement
from incidents.transitions import TransitionError
from notifications.replies import ReplyExpiredError, ReplyForgedError, read_reply


@public
@require_http_methods(["GET", "POST"])
@never_cache
def reply(request: HttpRequest, token: str) -> HttpResponse:
    """Show the incident of a link, and acknowledge it when the button is pressed."""
    if not count_reply(request):
        return _dead_end(request, "often", 429)
    try:
        answer = read_reply(token)
    except ReplyExpiredError:
        return _dead_end(request, "expired", 410)
    except ReplyForgedError:
        return _dead_end(request, "forged", 404)
    incident = incident_of_reply(answer.channel.org, answer.subject_id)
    if incident is None:
        return _dead_end(request, "forged", 404)
    member = _member(request, incident.org)
    if request.method == "POST" and incident.status == Incident.Status.OPEN:
        via = Via(f"by link in {answer.channel}")
        with suppress(TransitionError):  # it was resolved just now; the page says so
            acknowledge_incident(actor=member, incident=incident, via=via)
        return redirect(request.path)
    values = {"incident": incident, "acknowledged": last_acknowledgement(incident), "member": member}
    return render(request, "incidents/reply.html", values)


def _member(request: HttpRequest, org: Org) -> User | None:
    """Return who is signed in, if they may acknowledge on the incident's own page too."""
    user: User | AnonymousUser = request.user
    if isinstance(user, AnonymousUser):
        return None
    role = role_in(org, user)
    return user if role and role.includes(Role.DEVELOPER) else None


def _dead_end(request: HttpRequest, reason: str, status: int) -> HttpResponse:
    return render(request, "incidents/reply_over.html", {"reason": reason}, status=status)
