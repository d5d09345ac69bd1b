"""The environments of a service: add, rename, delete."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.quotas import QuotaError
from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, org_developer
from services import actions, queries
from services.forms import ConfirmNameForm, EnvironmentForm
from services.views.lookups import find_environment, find_service, gone_is_404, posted, require_form


@require_form
@org_developer
@gone_is_404
def environment_add(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Give a service one more environment."""
    service = find_service(request, service_id)
    form = EnvironmentForm(posted(request))
    if form.is_valid():
        try:
            made = actions.add_environment(actor=request.user, service=service, **form.cleaned_data)
        except actions.NameTakenError:
            form.name_taken()
        except QuotaError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{made.name} is added.")
            return redirect("services:detail", service.pk)
    return render(request, "services/environment_form.html", {"form": form, "service": service})


@require_form
@org_developer
@gone_is_404
def environment_rename(request: OrgRequest, service_id: UUID, environment_id: UUID) -> HttpResponse:
    """Rename an environment; its keys go on working."""
    environment = find_environment(request, service_id, environment_id)
    form = EnvironmentForm(posted(request), initial={"name": environment.name})
    if form.is_valid():
        try:
            actions.rename_environment(actor=request.user, environment=environment, **form.cleaned_data)
        except actions.NameTakenError:
            form.name_taken()
        else:
            messages.success(request, f"{environment.name} is now {form.cleaned_data['name']}.")
            return redirect("services:detail", service_id)
    values = {"form": form, "service": environment.service, "environment": environment}
    return render(request, "services/environment_form.html", values)


@require_form
@org_developer
@reauthenticated
def environment_delete(request: OrgRequest, service_id: UUID, environment_id: UUID) -> HttpResponse:
    """Delete an environment whose name was typed once more."""
    environment = find_environment(request, service_id, environment_id)
    form = ConfirmNameForm(posted(request), expected=environment.name)
    if form.is_valid():
        actions.delete_environment(actor=request.user, environment=environment)
        messages.success(request, f"{environment.name} is deleted.")
        return redirect("services:detail", service_id)
    values = {
        "service": environment.service,
        "environment": environment,
        "hearing": queries.environment_hearing(environment),
        "name": environment.name,
        "goes": "services/_environment_goes.html",
        "form": form,
    }
    return render(request, "services/delete.html", values)
