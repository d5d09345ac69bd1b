"""The services of an organisation: list, one of them, make, change, delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.quotas import QuotaError
from accounts.reauthentication import has_proved_lately, reauthenticated
from accounts.tenancy import OrgRequest, org_developer, org_member
from pulseops.core.extensions import SERVICE_PANELS, Panel, ServiceTrouble
from pulseops.core.ui.chart_marks import bands_of, markers_of
from pulseops.core.ui.charts import Bucket, stacked_histogram
from services import actions, queries
from services.forms import ConfirmNameForm, ServiceForm
from services.key_actions import create_key
from services.links import explorer_url
from services.models import Service
from services.queries import EnvironmentSummary, Hearing, KeySummary, ServiceSummary
from services.snippets import PLACEHOLDER, filled_snippets
from services.states import ServiceState, of_service, service_state, troubles_of
from services.views.keys import show_once
from services.views.lookups import find_service, gone_is_404, posted, require_form
from services.volume import DayVolume, day_if_known, day_of_logs

_FEW = 15  # environments, and keys, up to which a service's page shows all of each


@dataclass(frozen=True, slots=True)
class EnvironmentRow:
    """An environment as its service's page shows it, with the form that deletes it."""

    summary: EnvironmentSummary
    state: ServiceState
    explorer_url: str
    delete_form: ConfirmNameForm

    @property
    def id(self) -> str:
        """What tells this row's elements from the others'."""
        return str(self.summary.environment.pk)


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service as the list shows it; counts are of the last 24 hours."""

    summary: ServiceSummary
    state: ServiceState
    hearing: Hearing
    spark: Sequence[Bucket]
    logs: int
    errors: int

    @property
    def spark_label(self) -> str:
        """What the sparkline shows, for who cannot see it."""
        return f"24 hours: {self.errors:,} errors among {self.logs:,} logs"


@require_safe
@org_member
def service_list(request: OrgRequest) -> HttpResponse:
    """Show every service with its state, what needs a look first, and its last 24 hours."""
    volume = day_if_known(request.org, timezone.now())
    troubles = troubles_of(request.org)
    rows = [_service_row(each, volume, troubles) for each in queries.service_summaries(request.org)]
    values = {"rows": sorted(rows, key=lambda row: row.state.rank), "is_volume_unknown": volume.is_unknown}
    return render(request, "services/list.html", values)


@require_safe
@org_member
def service_detail(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Show a service: environments, keys, how to send, and what other apps know of it."""
    service = find_service(request, service_id)
    environments = queries.environment_summaries(service)
    keys, chosen = _keys_of(request, queries.key_summaries(service), environments)
    live = [each for each in keys if not each.is_over]
    panels = _panels(request, service)
    values = {
        **_parts(service, environments),
        **_day(service, environments, panels),
        "has_dialogs": len(environments) <= _FEW,
        "keys": live[:_FEW] if len(live) > _FEW and not chosen else live,
        "keys_of": chosen,
        "more_keys": max(0, len(live) - _FEW) if not chosen else 0,
        "revoked_keys": [each for each in keys if each.is_over][:_FEW],
        "explorer_url": explorer_url(service),
        "snippets": filled_snippets(),
        "placeholder": PLACEHOLDER,
        "panels": panels,
        "delete_form": ConfirmNameForm(expected=service.name, auto_id="delete_%s"),
    }
    return render(request, "services/detail.html", values)


def _keys_of(
    request: OrgRequest, keys: list[KeySummary], environments: list[EnvironmentSummary]
) -> tuple[list[KeySummary], str]:
    """Return the keys of the environment that the address names, and its name; or all, those used last first."""
    asked = request.GET.get("environment", "")
    names = {str(each.environment.pk): each.environment.name for each in environments}
    if asked in names:
        return [each for each in keys if str(each.key.environment_id) == asked], names[asked]
    if len(keys) <= _FEW:
        return keys, ""
    return sorted(keys, key=lambda each: each.key.last_used_at or each.key.created_at, reverse=True), ""


def _parts(service: Service, environments: list[EnvironmentSummary]) -> dict[str, Any]:
    return {
        "service": service,
        "hearing": Hearing.of_all(each.hearing for each in environments),
        "environment_names": [each.environment.name for each in environments],
    }


def _day(service: Service, environments: list[EnvironmentSummary], panels: list[Panel]) -> dict[str, Any]:
    """Return the state of a service and its environments, and the last 24 hours as a chart."""
    volume = day_of_logs(service.org, timezone.now(), service.pk)
    troubles = [trouble for panel in panels for trouble in panel.troubles]
    marks = [mark for panel in panels for mark in panel.marks if (mark.until or mark.at) > volume.since]
    hearing = Hearing.of_all(each.hearing for each in environments).heard_at(volume.last_bar_at(service.pk))
    return {
        "hearing": hearing,
        "state": service_state(hearing, troubles),
        "environments": [_row(each, troubles) for each in environments],
        "logs": volume.total(service.pk),
        "errors": volume.total(service.pk, "error"),
        "chart": stacked_histogram(
            volume.chart_buckets(service), height=120, markers=markers_of(marks), bands=bands_of(marks)
        ),
    }


def _service_row(summary: ServiceSummary, volume: DayVolume, troubles: list[ServiceTrouble]) -> ServiceRow:
    service_id = summary.service.pk
    hearing = summary.hearing.heard_at(volume.last_bar_at(service_id))
    return ServiceRow(
        summary,
        service_state(hearing, of_service(troubles, service_id)),
        hearing,
        volume.spark_buckets(service_id),
        volume.total(service_id),
        volume.total(service_id, "error"),
    )


def _row(summary: EnvironmentSummary, troubles: list[ServiceTrouble]) -> EnvironmentRow:
    environment = summary.environment
    return EnvironmentRow(
        summary=summary,
        state=service_state(summary.hearing, [each for each in troubles if each.environment_id == environment.pk]),
        explorer_url=explorer_url(environment.service, environment),
        delete_form=ConfirmNameForm(expected=environment.name, auto_id=f"delete_{environment.pk}_%s"),
    )


def _panels(request: OrgRequest, service: Service) -> list[Panel]:
    return [panel for add in SERVICE_PANELS if (panel := add(request, service))]


@require_form
@org_developer
def service_create(request: OrgRequest) -> HttpResponse:
    """Create a service with production and staging."""
    form = ServiceForm(posted(request))
    if form.is_valid():
        has_key = form.cleaned_data.pop("has_key")
        try:
            service = actions.create_service(actor=request.user, org=request.org, **form.cleaned_data)
        except actions.NameTakenError:
            form.name_taken()
        except QuotaError as error:
            form.add_error(None, error)
        else:
            return _first_key(request, service) if has_key else _without_key(request, service)
    return render(request, "services/form.html", {"form": form})


def _without_key(request: OrgRequest, service: Service) -> HttpResponse:
    messages.success(request, f"{service.name} was created. Create a key, and it can send logs.")
    return redirect("services:detail", service.pk)


def _first_key(request: OrgRequest, service: Service) -> HttpResponse:
    """Create a key for a new service's production; one who has not proved lately who they are does that before."""
    if not has_proved_lately(request):
        messages.success(request, f"{service.name} was created.")
        return redirect("services:key_create", service.pk)
    production = service.environments.get(name=actions.FIRST_ENVIRONMENTS[0])
    try:
        return show_once(create_key(actor=request.user, environment=production))
    except QuotaError as error:
        messages.error(request, "; ".join(error.messages))
        return redirect("services:detail", service.pk)


@require_form
@org_developer
@gone_is_404
def service_edit(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Change a service; a shorter retention is asked about once more."""
    service = find_service(request, service_id)
    form = ServiceForm(posted(request), service=service)
    if form.is_valid():
        try:
            service = actions.update_service(actor=request.user, service=service, **form.cleaned_data)
        except actions.NameTakenError:
            form.name_taken()
        else:
            messages.success(request, f"{service.name} is saved.")
            return redirect("services:detail", service.pk)
    return render(request, "services/form.html", {"form": form, "service": service})


@require_form
@org_developer
@reauthenticated
def service_delete(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Delete a service whose name was typed once more."""
    service = find_service(request, service_id)
    form = ConfirmNameForm(posted(request), expected=service.name)
    if form.is_valid():
        actions.delete_service(actor=request.user, service=service)
        messages.success(request, f"{service.name} is deleted.")
        return redirect("services:list")
    values = {
        **_parts(service, queries.environment_summaries(service)),
        "name": service.name,
        "goes": "services/_service_goes.html",
        "form": form,
    }
    return render(request, "services/delete.html", values)
