"""What is asked of a Keycloak server by applications, and how it refuses."""

from __future__ import annotations

from typing import Any

from program import Program
from vendor_steps import ENVIRONMENT, Call, drive_calls

__all__ = ["ENVIRONMENT", "PACKS", "drive"]

PACKS: list[str] = []
REALM = "https://sso.acme.example/realms/{realm}"
PROTOCOL = f"{REALM}/protocol/openid-connect"
USERS = "https://sso.acme.example/admin/realms/{realm}/users"
TOKENS = {"access_token": "made-up", "refresh_token": "made-up", "expires_in": 300}
USER = {"id": "5a0c8a3e", "username": "ada", "email": "ada@example.com"}
CREATED = (201, {}, {"Location": "https://sso.acme.example/admin/realms/acme/users/5a0c8a3e"})
DEVICE = {"device_code": "made-up", "user_code": "MADE-UP"}
IN_THE_BODY = "the grant stands in the body, which no span shows"

ROWS: list[tuple[str, str | None, str, str, Any]] = [
    ("code", "IDPOAuthToken", "POST", f"{PROTOCOL}/token", (200, TOKENS)),
    ("userinfo", "IDPOAuthUserInfo", "GET", f"{PROTOCOL}/userinfo", (200, {"sub": "x"})),
    (
        "introspect",
        "IDPOAuthIntrospect",
        "POST",
        f"{PROTOCOL}/token/introspect",
        (200, {"active": True}),
    ),
    ("logout", "SessionsRevoke", "POST", f"{PROTOCOL}/logout", (204, {})),
    ("certs", "SessionsJwks", "GET", f"{PROTOCOL}/certs", (200, {"keys": []})),
    ("device", "IDPOAuthDeviceAuthorize", "POST", f"{PROTOCOL}/auth/device", (200, DEVICE)),
    (
        "register_client",
        "ConnectedAppsClientsCreate",
        "POST",
        f"{REALM}/clients-registrations/default",
        (201, {"clientId": "x"}),
    ),
    ("well_known", None, "GET", f"{REALM}/.well-known/openid-configuration", (200, {})),
    ("create_user", "CreateUser", "POST", USERS, CREATED),
    ("get_users", "SearchUsersExternal", "GET", USERS, (200, [])),
    ("get_user", "GetUser", "GET", f"{USERS}/{{id}}", (200, USER)),
    ("update_user", "UpdateUser", "PUT", f"{USERS}/{{id}}", (204, {})),
    ("delete_user", "DeleteUser", "DELETE", f"{USERS}/{{id}}", (204, {})),
    ("set_password", "PasswordsSessionReset", "PUT", f"{USERS}/{{id}}/reset-password", (204, {})),
    (
        "send_update_account",
        "PasswordsEmailResetStart",
        "PUT",
        f"{USERS}/{{id}}/execute-actions-email",
        (204, {}),
    ),
    (
        "send_verify_email",
        "MagicLinksEmailSend",
        "PUT",
        f"{USERS}/{{id}}/send-verify-email",
        (204, {}),
    ),
    ("sessions", "SessionsGet", "GET", f"{USERS}/{{id}}/sessions", (200, [])),
    ("user_logout", "SessionsRevoke", "POST", f"{USERS}/{{id}}/logout", (204, {})),
    (
        "get_groups",
        None,
        "GET",
        "https://sso.acme.example/admin/realms/{realm}/roles",
        (200, []),
    ),
]
OTHER_GRANTS = {
    "password": "PasswordsAuthenticate",
    "refresh": "SessionsAuthenticate",
    "client_credentials": "M2MToken",
}


def grant(label: str, call: str, answer: Any) -> Call:
    """Return a call of the token endpoint that only its body tells from the others."""
    limit = f"{OTHER_GRANTS[call]} seen as IDPOAuthToken: {IN_THE_BODY}"
    return Call(
        label, call, OTHER_GRANTS[call], "POST", f"{PROTOCOL}/token", answer, known_limit=limit
    )


def refusal(status: int, error: str) -> tuple[int, Any]:
    """Return how Keycloak refuses."""
    return status, {"error": error, "error_description": "made up", "errorMessage": "made up"}


def drive(program: Program) -> None:
    """Make every call."""
    known = {
        call: Call(call, call, action, method, url, answer)
        for call, action, method, url, answer in ROWS
    }
    refusals: list[tuple[str, str, Any]] = [
        ("callback, code used", "code", refusal(400, "invalid_grant")),
        ("callback, wrong secret", "code", refusal(401, "unauthorized_client")),
        ("callback, server in trouble", "code", refusal(500, "unknown_error")),
        ("callback, nobody answers", "code", None),
        ("userinfo, token expired", "userinfo", refusal(401, "invalid_token")),
        ("log-out, session gone", "logout", refusal(400, "invalid_grant")),
        ("create user, taken", "create_user", refusal(409, "conflict")),
        ("get user, no such", "get_user", refusal(404, "not_found")),
        ("set password, against policy", "set_password", refusal(400, "invalidPassword")),
        ("delete user, not allowed", "delete_user", refusal(403, "forbidden")),
    ]
    refused = [
        Call(label, call, known[call].action, known[call].method, known[call].url, answer)
        for label, call, answer in refusals
    ]
    grants = [grant(call, call, (200, TOKENS)) for call in OTHER_GRANTS]
    grants.append(grant("login, wrong password", "password", refusal(401, "invalid_grant")))
    grants.append(grant("refresh, session over", "refresh", refusal(400, "invalid_grant")))
    drive_calls(program, [*known.values(), *refused, *grants])
