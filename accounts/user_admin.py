"""Users in the Django admin, with their memberships."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.actions.users import deactivate_user, note_email_set, note_password_set, reactivate_user
from accounts.audit.admin import AuditedModelAdmin
from accounts.models import (
    Membership,
    User,
)


class UserForm(forms.ModelForm):
    """A user without the password, which has a page of its own."""

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_superuser")
        widgets = {"email": forms.EmailInput(), "name": forms.TextInput()}


class NewUserForm(AdminUserCreationForm):
    """A new user with a password, or without one and a reset link to come."""

    class Meta:
        model = User
        fields = ("email", "name")
        field_classes: ClassVar[dict[str, Any]] = {}
        widgets = {"email": forms.EmailInput(), "name": forms.TextInput()}


class MembershipInline(admin.TabularInline):
    """Where someone is a member, or who is; memberships are made on a page of their own.

    To choose another organisation or person in every line would take a query for every line.
    """

    model = Membership
    extra = 0
    readonly_fields = ("org", "user")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("org", "user")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(AuditedModelAdmin, DjangoUserAdmin):
    """People. Who has done something cannot be deleted, for the log must say who; they are deactivated."""

    form = UserForm
    add_form = NewUserForm
    list_display = ("email", "name", "is_active", "is_superuser", "orgs", "last_login", "created_at")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email", "name", "id")
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("set_password", "last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "name", "set_password")}),
        ("Access", {"fields": ("is_active", "is_superuser"), "description": "A superuser runs the installation."}),
        ("Times", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)
    inlines = (MembershipInline,)
    actions = ("deactivate", "reactivate")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).annotate(org_count=Count("memberships"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="organisations", ordering="org_count")
    def orgs(self, user: Any) -> int:
        return int(user.org_count)

    @admin.display(description="password")
    def set_password(self, user: User) -> str:
        url = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a href="{}">Set a new one</a>, which ends every session of theirs.', url)

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data:
            (reactivate_user if obj.is_active else deactivate_user)(actor=request.user, user=obj)
        if change and "email" in form.changed_data:
            note_email_set(actor=request.user, user=obj, before=form.initial["email"])

    def log_change(self, request: Any, obj: Model, message: Any) -> Any:
        """Django tells by this alone that it has set a password."""
        if "password" in getattr(request, "audited_changes", {}) and isinstance(obj, User):
            note_password_set(actor=request.user, user=obj)
        return super().log_change(request, obj, message)

    @admin.action(description="Deactivate: sign out and keep out")
    def deactivate(self, request: Any, queryset: QuerySet[User]) -> None:
        for user in queryset.exclude(pk=request.user.pk).filter(is_active=True):
            deactivate_user(actor=request.user, user=user)
        if queryset.filter(pk=request.user.pk).exists():
            self.message_user(request, "You cannot deactivate yourself.", messages.WARNING)

    @admin.action(description="Reactivate")
    def reactivate(self, request: Any, queryset: QuerySet[User]) -> None:
        for user in queryset.filter(is_active=False, deleted_at=None):
            reactivate_user(actor=request.user, user=user)
