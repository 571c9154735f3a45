"""What is asked of WorkOS: its user management, SSO and second factors, and the usual refusals."""

from __future__ import annotations

from typing import Any

from program import Program
from vendor_steps import ENVIRONMENT, PLAUSIBLE, Call, drive_calls

__all__ = ["ENVIRONMENT", "PACKS", "drive"]

PACKS: list[str] = []
HOST = "https://api.workos.com"
UM = "user_management"

METHODS: list[tuple[str, str | None, str, str]] = [
    (f"{UM}.authenticate_with_password", "PasswordsAuthenticate", "POST", f"/{UM}/authenticate"),
    (f"{UM}.create_device", "IDPOAuthDeviceAuthorize", "POST", f"/{UM}/authorize/device"),
    (f"{UM}.revoke_session", "SessionsRevoke", "POST", f"/{UM}/sessions/revoke"),
    (f"{UM}.list_sessions", "SessionsGet", "GET", f"/{UM}/users/{{id}}/sessions"),
    (f"{UM}.create_magic_auth", "OTPsEmailSend", "POST", f"/{UM}/magic_auth"),
    (f"{UM}.reset_password", "PasswordsEmailResetStart", "POST", f"/{UM}/password_reset"),
    (
        f"{UM}.confirm_password_reset",
        "PasswordsEmailReset",
        "POST",
        f"/{UM}/password_reset/confirm",
    ),
    (f"{UM}.create_user", "CreateUser", "POST", f"/{UM}/users"),
    (f"{UM}.list_users", "SearchUsersExternal", "GET", f"/{UM}/users"),
    (f"{UM}.get_user", "GetUser", "GET", f"/{UM}/users/{{id}}"),
    (f"{UM}.get_user_by_external_id", "GetUser", "GET", f"/{UM}/users/external_id/{{id}}"),
    (f"{UM}.update_user", "UpdateUser", "PUT", f"/{UM}/users/{{id}}"),
    (f"{UM}.delete_user", "DeleteUser", "DELETE", f"/{UM}/users/{{id}}"),
    (
        f"{UM}.send_verification_email",
        "OTPsEmailSend",
        "POST",
        f"/{UM}/users/{{id}}/email_verification/send",
    ),
    (
        f"{UM}.verify_email",
        "OTPsAuthenticate",
        "POST",
        f"/{UM}/users/{{id}}/email_verification/confirm",
    ),
    (f"{UM}.send_email_change", "OTPsEmailSend", "POST", f"/{UM}/users/{{id}}/email_change/send"),
    (f"{UM}.send_invitation", "MagicLinksEmailInvite", "POST", f"/{UM}/invitations"),
    (
        f"{UM}.revoke_invitation",
        "MagicLinksEmailRevokeInvite",
        "POST",
        f"/{UM}/invitations/{{id}}/revoke",
    ),
    (f"{UM}.get_jwks", "SessionsJwks", "GET", "/sso/jwks/{client_id}"),
    ("sso.get_profile_and_token", "SSOAuthenticate", "POST", "/sso/token"),
    ("sso.get_profile", "IDPOAuthUserInfo", "GET", "/sso/profile"),
    ("multi_factor_auth.enroll_factor", "TOTPsCreate", "POST", "/auth/factors/enroll"),
    ("multi_factor_auth.challenge_factor", "OTPsSMSSend", "POST", "/auth/factors/{id}/challenge"),
    ("multi_factor_auth.delete_factor", "DeleteUserTOTP", "DELETE", "/auth/factors/{id}"),
    (
        "multi_factor_auth.create_user_auth_factor",
        "TOTPsCreate",
        "POST",
        f"/{UM}/users/{{id}}/auth_factors",
    ),
    (
        "multi_factor_auth.list_user_auth_factors",
        "GetUser",
        "GET",
        f"/{UM}/users/{{id}}/auth_factors",
    ),
    (f"{UM}.list_redirect_uris", None, "GET", f"/{UM}/redirect_uris"),
    ("organizations.list_organizations", "OrganizationsSearchExternal", "GET", "/organizations"),
    ("organizations.create_organization", "OrganizationsCreate", "POST", "/organizations"),
    ("organizations.delete_organization", "OrganizationsDelete", "DELETE", "/organizations/{id}"),
    ("directory_sync.list_directories", None, "GET", "/directories"),
]
OTHER_GRANTS = {
    f"{UM}.authenticate_with_code": "OAuthAuthenticate",
    f"{UM}.authenticate_with_refresh_token": "SessionsAuthenticate",
    f"{UM}.authenticate_with_magic_auth": "OTPsAuthenticate",
    f"{UM}.authenticate_with_totp": "TOTPsAuthenticate",
}
VERIFY = "multi_factor_auth.verify_challenge"


def call(
    label: str, method: str, row: tuple[str | None, str, str], answer: Any, **more: Any
) -> Call:
    """Return the call of one method."""
    action, http_method, path = row
    return Call(label, "call", action, http_method, HOST + path, answer, {"method": method}, **more)


def refusal(status: int, code: str) -> tuple[int, Any]:
    """Return how WorkOS refuses."""
    return status, {"code": code, "message": "made up", "error": code, "errors": []}


def drive(program: Program) -> None:
    """Make every call."""
    rows = {method: (action, http, path) for method, action, http, path in METHODS}
    calls = [call(method, method, row, (200, PLAUSIBLE)) for method, row in rows.items()]
    for method, action in OTHER_GRANTS.items():
        limit = f"{action} seen as PasswordsAuthenticate: the grant stands in the body"
        row = (action, "POST", f"/{UM}/authenticate")
        calls.append(call(method, method, row, (200, PLAUSIBLE), known_limit=limit))
    password = f"{UM}.authenticate_with_password"
    refusals: list[tuple[str, str, Any]] = [
        ("login, wrong password", password, refusal(401, "invalid_credentials")),
        ("login, too many", password, refusal(429, "rate_limit_exceeded")),
        ("login, vendor in trouble", password, refusal(500, "server_error")),
        ("login, nobody answers", password, None),
        ("register, address taken", f"{UM}.create_user", refusal(422, "email_not_available")),
        ("reset, token expired", f"{UM}.confirm_password_reset", refusal(400, "expired")),
        ("confirmation, wrong code", f"{UM}.verify_email", refusal(400, "invalid_code")),
        ("callback, code used", "sso.get_profile_and_token", refusal(400, "invalid_grant")),
        ("no such user", f"{UM}.get_user", refusal(404, "entity_not_found")),
        ("wrong API key", f"{UM}.list_users", refusal(401, "unauthorized")),
    ]
    calls += [call(label, method, rows[method], answer) for label, method, answer in refusals]
    second_factor = call(
        "login, second factor due",
        password,
        rows[password],
        refusal(403, "mfa_challenge"),
        next_step="second_factor",
        meant=("success", "the password was right: the vendor asks for the second factor"),
        known_limit="success+second_factor seen as error: the answer is 403 as for a refusal",
    )
    challenge = {"id": "c-1", "authentication_factor_id": "f-1", "object": "x"}
    when = {"created_at": "2026-11-27T10:42:00Z", "updated_at": "2026-11-27T10:42:00Z"}
    row = ("TOTPsAuthenticate", "POST", "/auth/challenges/{id}/verify")
    right = {"valid": True, "challenge": challenge | when}
    wrong_code = call(
        "second factor, wrong code",
        VERIFY,
        row,
        (200, right | {"valid": False}),
        meant=("error", "the answer says valid = false"),
        known_limit="error seen as success: the answer is 200, its body says valid = false",
    )
    calls += [call("second factor", VERIFY, row, (200, right)), wrong_code, second_factor]
    drive_calls(program, calls)
