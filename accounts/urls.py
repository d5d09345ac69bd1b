"""One's own account, organisations, members, invitations, the audit log. Signing in is in sign_in_urls.py."""

from __future__ import annotations

from django.urls import path

from accounts.views import addresses, audit, invitations, members, oidc, orgs, profile, sessions

app_name = "accounts"
urlpatterns = [
    path("account", profile.profile, name="profile"),
    path("account/preferences", profile.preferences, name="preferences"),
    path("account/email", profile.email, name="email"),
    path("account/delete", profile.delete, name="delete_account"),
    path("account/confirm/<str:token>", addresses.confirm, name="confirm_address"),
    path("account/sessions", sessions.sessions, name="sessions"),
    path("account/sessions/end-others", sessions.end_others, name="end_other_sessions"),
    path("account/sessions/<uuid:session_id>/end", sessions.end, name="end_session"),
    path("orgs", orgs.orgs, name="orgs"),
    path("orgs/switch", orgs.switch, name="switch"),
    path("orgs/settings", orgs.settings_page, name="org_settings"),
    path("account/connections", oidc.connections, name="connections"),
    path("account/connections/<slug:provider_id>/connect", oidc.connect, name="connect_provider"),
    path("account/connections/<int:account_id>/disconnect", oidc.disconnect, name="disconnect_provider"),
    path("orgs/provider", oidc.org_provider, name="org_provider"),
    path("orgs/provider/delete", oidc.org_provider_delete, name="org_provider_delete"),
    path("orgs/security", orgs.security, name="org_security"),
    path("orgs/delete", orgs.delete, name="delete_org"),
    path("orgs/leave", orgs.leave, name="leave_org"),
    path("orgs/members", members.members, name="members"),
    path("orgs/members/<int:membership_id>/role", members.change_role, name="change_role"),
    path("orgs/members/<int:membership_id>/remove", members.remove, name="remove_member"),
    path("orgs/invitations", invitations.invite, name="invite"),
    path("orgs/invitations/<uuid:invitation_id>/renew", invitations.renew, name="renew_invitation"),
    path("orgs/invitations/<uuid:invitation_id>/revoke", invitations.revoke, name="revoke_invitation"),
    path("invite/<str:token>", invitations.invitation, name="invitation"),
    path("settings/audit", audit.audit, name="audit"),
    path("settings/audit/export.<str:form>", audit.export, name="audit_export"),
]
