"""What pages of an organisation may see of accounts."""

from __future__ import annotations

from pulseops.core.db.row_policies import NOTHING, ORG, USER, Table, of_org, register, without_policy

_SEEN_BY_MEMBERS = f"EXISTS (SELECT FROM org_members m WHERE m.org_id = {ORG} AND m.user_id = {{table}}.user_id)"
_THEIR_ORGS = f"EXISTS (SELECT FROM org_members m WHERE m.user_id = {USER} AND m.org_id = {{table}}.{{column}})"
_OWN_ORG_NOTES = f"(org_id IS NULL AND actor_user_id = {USER})"  # "organisation deleted" has none to be filed in
_OTHER_ORGS = _THEIR_ORGS.format(table="audit_logs", column="org_id")
_PROVIDERS = f"SELECT replace(p.id::text, '-', '') FROM identity_providers p WHERE p.org_id = {ORG}"  # noqa: S608 - made of a constant

register(
    {
        # That it is suspended is not for its own pages to change.
        "orgs": Table(
            "SELECT",
            f"id = {ORG} OR {_THEIR_ORGS.format(table='orgs', column='id')}",
            f"id = {ORG}",
            columns=("name", "requires_two_factor", "deleted_at"),
        ),
        "org_members": Table(read=f"org_id = {ORG} OR user_id = {USER}", write=f"org_id = {ORG}"),
        # Anyone who acted is named wherever they did, also when they have left: reading is open, and asks for ids.
        # Passwords, addresses and who is a superuser are changed on people's own pages and in the admin, outside.
        "users": Table("SELECT", "true", f"id = {USER}", columns=("preferences",)),
        "sessions": Table(
            read=f"user_id = {USER} OR {_SEEN_BY_MEMBERS.format(table='sessions')}", write=f"user_id = {USER}"
        ),
        "invitations": of_org(),
        "org_usage": of_org(may="SELECT, INSERT, UPDATE"),
        "pending_addresses": without_policy("of signing up and people's own pages, which are outside", may=NOTHING),
        "audit_logs": Table("SELECT, INSERT", f"org_id = {ORG} OR {_OWN_ORG_NOTES} OR {_OTHER_ORGS}"),
        "mfa_authenticator": Table(
            read=f"user_id = {USER} OR {_SEEN_BY_MEMBERS.format(table='mfa_authenticator')}", write=f"user_id = {USER}"
        ),
        "account_emailaddress": Table(read=f"user_id = {USER}"),
        "identity_providers": of_org(),
        "socialaccount_socialaccount": Table(read=f"user_id = {USER} OR provider IN ({_PROVIDERS})"),
        "socialaccount_socialapp": without_policy("not used: providers are identity_providers", may=NOTHING),
        "socialaccount_socialtoken": without_policy("not used: no token of a provider is kept", may=NOTHING),
        "account_emailconfirmation": without_policy("not used", may=NOTHING),
    }
)
