"""The operator's view of accounts. No page shows a hash, a token or a secret."""

from __future__ import annotations

from typing import Any

from allauth.account import admin as account_admin
from allauth.mfa import admin as mfa_admin
from allauth.socialaccount import admin as social_admin
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import user_agents
from accounts.actions.orgs import delete_org, resume_org, suspend_org
from accounts.admin_sign_in import admin_sign_in, may_open_admin
from accounts.audit.admin import AuditedModelAdmin
from accounts.models import (
    AuditLog,
    IdentityProvider,
    Invitation,
    Membership,
    Org,
    OrgUsage,
    PendingAddress,
    Session,
)
from accounts.org_forms import SuspendForm
from accounts.user_admin import MembershipInline
from pulseops.core.admin import ReadOnlyAdmin

# Signing in to the admin is signing in, second factor and throttle included, and once more after some minutes.
admin.site.login = admin_sign_in  # type: ignore[method-assign]
admin.site.has_permission = may_open_admin  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "PulseOps"


def _our_password_page(request: HttpRequest, extra_context: Any = None) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("account_change_password"))


admin.site.password_change = _our_password_page  # type: ignore[method-assign,assignment]

# Groups and allauth's addresses are not used here, and its page of second factors shows their data.
Authenticator = mfa_admin.Authenticator
admin.site.unregister((Group, account_admin.EmailAddress, Authenticator))


# Providers are ours; allauth's own pages would show what identities hold.
admin.site.unregister((social_admin.SocialApp, social_admin.SocialAccount, social_admin.SocialToken))


@admin.register(Org)
class OrgAdmin(AuditedModelAdmin):
    """Organisations. Deleting one takes it from its members at once; a job removes what was in it."""

    list_display = ("name", "id", "members", "created_at", "suspended_at", "deleted_at")
    list_filter = (("suspended_at", admin.EmptyFieldListFilter), ("deleted_at", admin.EmptyFieldListFilter))
    actions = ("suspend", "resume")
    search_fields = ("name", "id")
    ordering = ("name",)
    readonly_fields = ("id", "created_at", "suspended_at", "suspended_reason", "deleted_at")
    inlines = (MembershipInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Org]:
        return super().get_queryset(request).annotate(member_count=Count("memberships"))

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return super().formfield_for_dbfield(db_field, request, **kwargs, **_one_line(db_field))

    @admin.display(ordering="member_count")
    def members(self, org: Any) -> int:
        return int(org.member_count)

    @admin.action(description="Suspend: refuse its keys, let its rules and messages rest")
    def suspend(self, request: Any, queryset: QuerySet[Org]) -> HttpResponse | None:
        """Ask for the reason, which the members will read, then suspend."""
        form = SuspendForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            context = {**self.admin_site.each_context(request), "form": form, "orgs": queryset, "title": "Suspend"}
            return TemplateResponse(request, "admin/accounts/org/suspend.html", context)
        for org in queryset:
            suspend_org(actor=request.user, org=org, reason=form.cleaned_data["reason"])
        self.message_user(request, "Suspended.", messages.SUCCESS)
        return None

    @admin.action(description="Lift the suspension")
    def resume(self, request: Any, queryset: QuerySet[Org]) -> None:
        for org in queryset:
            resume_org(actor=request.user, org=org)
        self.message_user(request, "No longer suspended.", messages.SUCCESS)

    def delete_model(self, request: Any, obj: Org) -> None:
        delete_org(actor=request.user, org=obj)

    def delete_queryset(self, request: Any, queryset: QuerySet[Org]) -> None:
        for org in queryset:
            delete_org(actor=request.user, org=org)


def _one_line(db_field: Any) -> dict[str, Any]:
    return {"widget": forms.TextInput(attrs={"class": "vTextField"})} if db_field.name == "name" else {}


@admin.register(Membership)
class MembershipAdmin(AuditedModelAdmin):
    """Who may do what in which organisation."""

    list_display = ("user", "org", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("user__email", "user__name", "org__name", "org__id")
    list_select_related = ("user", "org")
    autocomplete_fields = ("user", "org")
    readonly_fields = ("created_at",)


@admin.register(Session)
class SessionAdmin(AuditedModelAdmin):
    """Who is signed in where. Deleting a session signs that browser out."""

    list_display = ("user", "device", "address", "active_org", "last_seen_at", "created_at", "expires_at")
    search_fields = ("user__email", "address", "user_agent")
    list_filter = ("last_seen_at", "expires_at")
    list_select_related = ("user", "active_org")
    fields = readonly_fields = (
        "user",
        "device",
        "user_agent",
        "address",
        "active_org",
        "created_at",
        "last_seen_at",
        "expires_at",
    )
    ordering = ("-created_at",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="browser")
    def device(self, session: Session) -> str:
        return user_agents.name(session.user_agent)


@admin.register(Invitation)
class InvitationAdmin(AuditedModelAdmin):
    """Offers of a role. Making one is for the organisation's admins, who are shown the link."""

    list_display = ("email", "org", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at")
    list_filter = ("role", "created_at", ("accepted_at", admin.EmptyFieldListFilter))
    search_fields = ("email", "org__name", "org__id", "invited_by__email")
    list_select_related = ("org", "invited_by")
    exclude = ("token_hash",)
    readonly_fields = (
        "org",
        "email",
        "role",
        "invited_by",
        "accepted_by",
        "accepted_at",
        "revoked_at",
        "expires_at",
        "created_at",
    )
    ordering = ("-created_at",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PendingAddress)
class PendingAddressAdmin(ReadOnlyAdmin):
    """Addresses whose link was mailed and not opened yet; neither the link nor the password is shown."""

    list_display = ("email", "user", "org_name", "created_at", "expires_at")
    search_fields = ("email", "user__email")
    list_select_related = ("user",)
    exclude = ("token_hash", "password")
    ordering = ("-created_at",)


@admin.register(OrgUsage)
class OrgUsageAdmin(ReadOnlyAdmin):
    """What organisations used in a day or a minute, against their quotas."""

    list_display = ("org", "kind", "period", "amount")
    list_filter = ("kind", "period")
    search_fields = ("org__name", "org__id")
    list_select_related = ("org",)
    ordering = ("-period", "-amount")


@admin.register(AuditLog)
class AuditLogAdmin(ReadOnlyAdmin):
    """Every organisation's audit rows, and those that belong to none."""

    list_display = ("created_at", "actor_user", "action", "resource_type", "resource_id", "org", "address")
    list_filter = ("created_at", "resource_type")
    search_fields = ("action", "resource_id", "correlation_id", "actor_user__email", "org__name", "address")
    list_select_related = ("actor_user", "org")
    show_full_result_count = False
    ordering = ("-id",)


@admin.register(Authenticator)
class AuthenticatorAdmin(AuditedModelAdmin):
    """Second factors, without their secrets. Deleting lets someone in who has lost their phone."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__email", "user__name")
    list_select_related = ("user",)
    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(IdentityProvider)
class IdentityProviderAdmin(AuditedModelAdmin):
    """Organisations' providers. Let one speak for its domains once these are the organisation's beyond doubt."""

    list_display = ("name", "org", "issuer", "domains", "speaks_for_domains", "enabled")
    list_filter = ("speaks_for_domains", "enabled")
    search_fields = ("name", "issuer", "org__name")
    list_select_related = ("org",)
    readonly_fields = ("org", "name", "issuer", "client_id", "domains", "group_claim", "roles", "default_role")
    fields = (*readonly_fields, "speaks_for_domains", "enabled")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
