"""What is asked of Auth0: every call once, and the refusals that its callers meet."""

from __future__ import annotations

from typing import Any

from program import Program
from vendor_steps import ENVIRONMENT, Call, drive_calls

__all__ = ["ENVIRONMENT", "PACKS", "drive"]

PACKS: list[str] = []

HOST = "https://acme.eu.auth0.com"
USERS = f"{HOST}/api/v2/users"
USER: dict[str, Any] = {"user_id": "auth0|made-up", "email": "ada@example.com"}
TOKENS = {"access_token": "made-up", "token_type": "Bearer", "expires_in": 86400}
TICKET = {"ticket": "https://acme.eu.auth0.com/lo/reset?ticket=made-up"}
JOB = {"type": "verification_email", "status": "pending", "id": "job_1", "created_at": "now"}
METHODS = {"authenticators": [], "start": 0, "limit": 50, "total": 0}
ROLES = {"roles": [], "start": 0, "limit": 50, "total": 0}
CLIENT = {"client_id": "client-1", "name": "made up"}
IN_THE_BODY = "the grant stands in the body, which no span shows"

AUTHENTICATION: list[tuple[str, str | None, str, str, Any]] = [
    ("authorization_code", "IDPOAuthToken", "POST", "/oauth/token", TOKENS),
    ("authorization_code_pkce", "IDPOAuthToken", "POST", "/oauth/token", TOKENS),
    ("signup", "CreateUser", "POST", "/dbconnections/signup", {"_id": "1"}),
    ("change_password", "PasswordsEmailResetStart", "POST", "/dbconnections/change_password", "ok"),
    ("passwordless_email", "OTPsEmailSend", "POST", "/passwordless/start", {"_id": "1"}),
    ("social_login", "OAuthAuthenticate", "POST", "/oauth/access_token", TOKENS),
    ("back_channel_login", "IDPOAuthBackchannelAuthorize", "POST", "/bc-authorize", {}),
    ("par", "IDPOAuthPushedAuthorize", "POST", "/oauth/par", {"request_uri": "urn:x"}),
    ("revoke_refresh_token", "IDPOAuthRevoke", "POST", "/oauth/revoke", {}),
    ("userinfo", "IDPOAuthUserInfo", "GET", "/userinfo", {"sub": "auth0|made-up"}),
    ("saml_metadata", None, "GET", "/samlp/metadata/{client_id}", {}),
]
MANAGEMENT: list[tuple[str, str | None, str, str, Any]] = [
    ("list_users", "SearchUsersExternal", "GET", USERS, {"users": [USER], "total": 1}),
    ("users_by_email", "SearchUsersExternal", "GET", f"{HOST}/api/v2/users-by-email", [USER]),
    ("create_user", "CreateUser", "POST", USERS, USER),
    ("get_user", "GetUser", "GET", f"{USERS}/{{id}}", USER),
    ("update_user", "UpdateUser", "PATCH", f"{USERS}/{{id}}", USER),
    ("delete_user", "DeleteUser", "DELETE", f"{USERS}/{{id}}", {}),
    (
        "recovery_code",
        "TOTPsGetRecoveryCodes",
        "POST",
        f"{USERS}/{{id}}/recovery-code-regeneration",
        {"recovery_code": "made-up"},
    ),
    ("revoke_access", "SessionsRevoke", "POST", f"{USERS}/{{id}}/revoke-access", {}),
    ("user_sessions", "SessionsGet", "GET", f"{USERS}/{{id}}/sessions", {"sessions": []}),
    ("delete_sessions", "SessionsRevoke", "DELETE", f"{USERS}/{{id}}/sessions", {}),
    ("revoke_session", "SessionsRevoke", "POST", f"{HOST}/api/v2/sessions/{{id}}/revoke", {}),
    ("list_methods", "GetUser", "GET", f"{USERS}/{{id}}/authentication-methods", METHODS),
    ("delete_method", "DeleteUserTOTP", "DELETE", f"{USERS}/{{id}}/authentication-methods/m", {}),
    (
        "password_ticket",
        "PasswordsEmailResetStart",
        "POST",
        f"{HOST}/api/v2/tickets/password-change",
        TICKET,
    ),
    (
        "verify_ticket",
        "MagicLinksCreate",
        "POST",
        f"{HOST}/api/v2/tickets/email-verification",
        TICKET,
    ),
    (
        "verification_email",
        "MagicLinksEmailSend",
        "POST",
        f"{HOST}/api/v2/jobs/verification-email",
        JOB,
    ),
    ("create_client", "ConnectedAppsClientsCreate", "POST", f"{HOST}/api/v2/clients", CLIENT),
    (
        "rotate_secret",
        "ConnectedAppsClientsSecretsRotate",
        "POST",
        f"{HOST}/api/v2/clients/{{id}}/rotate-secret",
        CLIENT,
    ),
    (
        "list_roles",
        None,
        "GET",
        f"{HOST}/api/v2/roles",
        ROLES,
    ),
]
OTHER_GRANTS = {
    "login": "PasswordsAuthenticate",
    "passwordless_login": "OTPsAuthenticate",
    "refresh_token": "SessionsAuthenticate",
    "client_credentials": "M2MToken",
}


def successes() -> list[Call]:
    """Return every call, answered as it is when all is well."""
    calls = [
        Call(call, call, action, method, path if "://" in path else HOST + path, (200, body))
        for call, action, method, path, body in [*AUTHENTICATION, *MANAGEMENT]
    ]
    return calls + [grant(call, call, (200, TOKENS)) for call in OTHER_GRANTS]


def grant(label: str, call: str, answer: tuple[int, Any] | None) -> Call:
    """Return a call of /oauth/token that only its body tells from the others."""
    action = OTHER_GRANTS[call]
    limit = f"{action} seen as IDPOAuthToken: {IN_THE_BODY}"
    return Call(label, call, action, "POST", f"{HOST}/oauth/token", answer, known_limit=limit)


def refusal(status: int, error: str) -> tuple[int, Any]:
    """Return how the Authentication API refuses."""
    return status, {"error": error, "error_description": "made up"}


def refused(status: int, error: str) -> tuple[int, Any]:
    """Return how the Management API refuses."""
    return status, {"statusCode": status, "error": error, "message": "made up", "errorCode": "x"}


def refusals() -> list[Call]:
    """Return what is refused, and what is not answered."""
    known = {one.call: one for one in successes()}
    rows: list[tuple[str, str, tuple[int, Any] | None]] = [
        ("callback, code used", "authorization_code", refusal(403, "invalid_grant")),
        ("callback, wrong client", "authorization_code", refusal(401, "access_denied")),
        ("callback, nobody answers", "authorization_code", None),
        ("callback, vendor in trouble", "authorization_code", refusal(500, "server_error")),
        ("sign up, address taken", "signup", refusal(400, "invalid_signup")),
        ("sign up, weak password", "signup", refusal(400, "invalid_password")),
        ("passwordless, wrong connection", "passwordless_email", refusal(400, "bad.connection")),
        ("userinfo, token expired", "userinfo", refusal(401, "invalid_token")),
        ("revoke, wrong client", "revoke_refresh_token", refusal(401, "invalid_client")),
        ("administrator, no such user", "get_user", refused(404, "Not Found")),
        ("administrator, weak password", "create_user", refused(400, "Bad Request")),
        ("administrator, token expired", "update_user", refused(401, "Unauthorized")),
        ("administrator, not allowed", "delete_user", refused(403, "Forbidden")),
    ]
    calls = [
        Call(label, call, known[call].action, known[call].method, known[call].url, answer)
        for label, call, answer in rows
    ]
    return [
        *calls,
        grant("login, wrong password", "login", refusal(403, "invalid_grant")),
        grant("login, blocked for a while", "login", refusal(429, "too_many_attempts")),
        grant("refresh, token used twice", "refresh_token", refusal(403, "invalid_grant")),
        grant("code, wrong", "passwordless_login", refusal(403, "invalid_grant")),
        grant("machine, wrong secret", "client_credentials", refusal(401, "access_denied")),
    ]


def drive(program: Program) -> None:
    """Make every call."""
    by_sms = Call(
        "code by text message",
        "passwordless_sms",
        "OTPsSMSSend",
        "POST",
        f"{HOST}/passwordless/start",
        (200, {"_id": "1"}),
        known_limit="OTPsSMSSend seen as OTPsEmailSend: the connection stands in the body",
    )
    second_factor = Call(
        "login, second factor due",
        "login",
        "PasswordsAuthenticate",
        "POST",
        f"{HOST}/oauth/token",
        refusal(403, "mfa_required"),
        next_step="second_factor",
        meant=("success", "the password was right: the vendor asks for the second factor"),
        known_limit=f"success+second_factor seen as IDPOAuthToken error: {IN_THE_BODY}",
    )
    drive_calls(program, [*successes(), *refusals(), by_sms, second_factor])
