"""The pages of the Django admin: every model's list, one row of it with its history, the forms that add and delete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User

REFUSED, GONE = 403, 302  # what a superuser may not do either; a row that is not there leads back to the index


def admin_pages() -> Iterator[tuple[str, str, int]]:
    """Give (name of the route, address, what a superuser is answered) of every page, with a row of each model."""
    for name, status in (
        ("index", 200), ("password_change", 302), ("password_change_done", 200), ("jsi18n", 200), ("login", 302),
    ):  # fmt: skip
        yield f"admin:{name}", reverse(f"admin:{name}"), status
    for label in sorted({model._meta.app_label for model in admin.site._registry}):
        yield f"admin:app_list {label}", reverse("admin:app_list", args=[label]), 200
    for model, site in admin.site._registry.items():
        yield from _pages_of(model, site)
    user = User.objects.order_by("pk").first()
    if user:
        yield "admin:auth_user_password_change", reverse("admin:auth_user_password_change", args=[user.pk]), 200


def _pages_of(model: type[Model], site: admin.ModelAdmin[Any]) -> Iterator[tuple[str, str, int]]:
    request = HttpRequest()
    request.user = User(is_superuser=True)
    row = model._default_manager.order_by("pk").first()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    listing = reverse(f"{name}_changelist")
    yield f"{name}_changelist", listing, 200
    yield f"{name}_changelist?q=x", f"{listing}?q=x", 200
    yield f"{name}_add", reverse(f"{name}_add"), 200 if site.has_add_permission(request) else REFUSED
    may = {"change": site.has_view_permission(request, row), "history": site.has_view_permission(request, row),
           "delete": site.has_delete_permission(request, row)}  # fmt: skip
    for verb, is_allowed in may.items():
        address = reverse(f"{name}_{verb}", args=[quote(row.pk) if row else "0"])
        yield f"{name}_{verb}", address, (200 if row else GONE) if is_allowed else REFUSED
