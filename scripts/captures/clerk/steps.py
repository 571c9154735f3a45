"""What is asked of Clerk's Backend API: users, sessions, tokens, and the usual refusals."""

from __future__ import annotations

from typing import Any

from program import Program
from vendor_steps import ENVIRONMENT, PLAUSIBLE, Call, drive_calls

__all__ = ["ENVIRONMENT", "PACKS", "drive"]

PACKS: list[str] = []
HOST = "https://api.clerk.com/v1"
USER, ORGANIZATION = "/users/{user_id}", "/organizations/{organization_id}"

METHODS: list[tuple[str, str | None, str, str]] = [
    ("users.list", "SearchUsersExternal", "GET", "/users"),
    ("users.create", "CreateUser", "POST", "/users"),
    ("users.get", "GetUser", "GET", USER),
    ("users.update", "UpdateUser", "PATCH", USER),
    ("users.update_metadata", "UpdateUser", "PATCH", f"{USER}/metadata"),
    ("users.delete", "DeleteUser", "DELETE", USER),
    ("users.ban", "UpdateUser", "POST", f"{USER}/ban"),
    ("users.unlock", "UpdateUser", "POST", f"{USER}/unlock"),
    ("users.remove_password", "DeleteUserPassword", "POST", f"{USER}/remove_password"),
    ("users.verify_password", "PasswordsAuthenticate", "POST", f"{USER}/verify_password"),
    ("users.verify_totp", "TOTPsAuthenticate", "POST", f"{USER}/verify_totp"),
    ("users.disable_mfa", "DeleteUserTOTP", "DELETE", f"{USER}/mfa"),
    ("users.delete_totp", "DeleteUserTOTP", "DELETE", f"{USER}/totp"),
    ("users.delete_passkey", "DeleteUserWebAuthnRegistration", "DELETE", f"{USER}/passkeys/{{id}}"),
    ("email_addresses.delete", "DeleteUserEmail", "DELETE", "/email_addresses/{id}"),
    ("sessions.list", "SessionsGet", "GET", "/sessions"),
    ("sessions.get", "SessionsGet", "GET", "/sessions/{session_id}"),
    ("sessions.refresh", "SessionsAuthenticate", "POST", "/sessions/{session_id}/refresh"),
    ("sessions.revoke", "SessionsRevoke", "POST", "/sessions/{session_id}/revoke"),
    ("sessions.create_token", "SessionsAuthenticate", "POST", "/sessions/{session_id}/tokens"),
    ("clients.verify", "SessionsAuthenticate", "POST", "/clients/verify"),
    ("jwks.get_jwks", "SessionsJwks", "GET", "/jwks"),
    ("sign_in_tokens.create", "MagicLinksCreate", "POST", "/sign_in_tokens"),
    ("invitations.create", "MagicLinksEmailInvite", "POST", "/invitations"),
    ("invitations.revoke", "MagicLinksEmailRevokeInvite", "POST", "/invitations/{id}/revoke"),
    ("m2m.create_token", "M2MToken", "POST", "/m2m_tokens"),
    ("m2m.verify_token", "SessionsAuthenticate", "POST", "/m2m_tokens/verify"),
    ("actor_tokens.create", "ImpersonationAuthenticate", "POST", "/actor_tokens"),
    ("oauth_applications.list", "ConnectedAppsClientsSearch", "GET", "/oauth_applications"),
    ("oauth_applications.get", "ConnectedAppsClientsGet", "GET", "/oauth_applications/{id}"),
    ("organizations.list", "OrganizationsSearchExternal", "GET", "/organizations"),
    ("organizations.create", "OrganizationsCreate", "POST", "/organizations"),
    ("organizations.delete", "OrganizationsDelete", "DELETE", ORGANIZATION),
    (
        "organization_memberships.create",
        "OrganizationsMemberCreate",
        "POST",
        f"{ORGANIZATION}/memberships",
    ),
    (
        "organization_invitations.create",
        "MultiTenantMagicLinksEmailInvite",
        "POST",
        f"{ORGANIZATION}/invitations",
    ),
    ("redirect_urls.list", None, "GET", "/redirect_urls"),
    ("domains.list", None, "GET", "/domains"),
]
CREATED = {"m2m.create_token": 201}
"""What is answered where it is not 200."""


def refusal(status: int, code: str) -> tuple[int, Any]:
    """Return how Clerk refuses."""
    error = {"message": "made up", "long_message": "made up", "code": code}
    return status, {"errors": [error], "clerk_trace_id": "t-1"}


def drive(program: Program) -> None:
    """Make every call."""
    rows = {method: (action, http, path) for method, action, http, path in METHODS}
    refusals: list[tuple[str, str, Any]] = [
        ("wrong password", "users.verify_password", refusal(422, "incorrect_password")),
        ("user without a password", "users.verify_password", refusal(400, "no_password_set")),
        ("password, no such user", "users.verify_password", refusal(404, "resource_not_found")),
        ("password, nobody answers", "users.verify_password", None),
        ("wrong code of a second factor", "users.verify_totp", refusal(422, "incorrect_code")),
        ("session expired", "clients.verify", refusal(401, "client_not_found")),
        ("session revoked twice", "sessions.revoke", refusal(404, "resource_not_found")),
        ("user, wrong key", "users.get", refusal(401, "authentication_invalid")),
        ("user, no such", "users.get", refusal(404, "resource_not_found")),
        ("delete, not allowed", "users.delete", refusal(401, "authorization_invalid")),
        ("machine token, wrong", "m2m.verify_token", refusal(404, "token-not-found")),
    ]
    calls = [("", method, (CREATED.get(method, 200), PLAUSIBLE)) for method in rows] + refusals
    drive_calls(
        program,
        [
            Call(label or method, "call", action, http, HOST + path, answer, {"method": method})
            for label, method, answer in calls
            for action, http, path in [rows[method]]
        ],
    )
