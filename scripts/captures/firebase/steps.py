"""What is asked of Firebase Authentication, and the refusals that its callers meet."""

from __future__ import annotations

from typing import Any

from program import Program
from vendor_steps import ENVIRONMENT, Call, drive_calls

__all__ = ["ENVIRONMENT", "PACKS", "drive"]

PACKS: list[str] = []
OLD = "https://www.googleapis.com/identitytoolkit/v3/relyingparty"
NEW = "https://identitytoolkit.googleapis.com/v1"
PROJECT = f"{NEW}/projects/{{projectId}}"
PROVIDER = "https://identitytoolkit.googleapis.com/v2/projects/{projectId}/oauthIdpConfigs/{id}"
TOKENS = {
    "idToken": "made-up",
    "refreshToken": "made-up",
    "expiresIn": "3600",
    "localId": "made-up",
    "registered": True,
}
REFRESHED = {"user_id": "made-up", "id_token": "made-up", "refresh_token": "made-up"}
USERS = {"kind": "x", "users": [{"localId": "made-up", "email": "ada@example.com"}]}
UPDATED = {"kind": "x", "localId": "made-up"}
LINK = {"kind": "x", "oobLink": "https://acme.example/made-up", "email": "ada@example.com"}
OIDC = {"name": "projects/acme-made-up/oauthIdpConfigs/oidc.made-up", "clientId": "x"}

ROWS: list[tuple[str, str | None, str, str, Any]] = [
    ("sign_in", "PasswordsAuthenticate", "POST", f"{OLD}/verifyPassword", TOKENS),
    ("sign_in_anonymous", "CreateUser", "POST", f"{OLD}/signupNewUser", TOKENS),
    ("sign_in_with_custom_token", "SessionsExchange", "POST", f"{OLD}/verifyCustomToken", TOKENS),
    (
        "refresh",
        "SessionsAuthenticate",
        "POST",
        "https://securetoken.googleapis.com/v1/token",
        REFRESHED,
    ),
    ("get_account_info", "GetUser", "POST", f"{OLD}/getAccountInfo", USERS),
    (
        "send_password_reset",
        "PasswordsEmailResetStart",
        "POST",
        f"{OLD}/getOobConfirmationCode",
        {},
    ),
    ("verify_reset_code", "PasswordsEmailReset", "POST", f"{OLD}/resetPassword", {}),
    ("create_user", "CreateUser", "POST", f"{OLD}/signupNewUser", TOKENS),
    ("delete_account", "DeleteUser", "POST", f"{OLD}/deleteAccount", {}),
    ("update_profile", "UpdateUser", "POST", f"{NEW}/accounts:update", UPDATED),
    ("admin_create", "CreateUser", "POST", f"{PROJECT}/accounts", UPDATED),
    ("admin_get", "GetUser", "POST", f"{PROJECT}/accounts:lookup", USERS),
    ("admin_by_email", "GetUser", "POST", f"{PROJECT}/accounts:lookup", USERS),
    ("admin_list", "SearchUsersExternal", "GET", f"{PROJECT}/accounts:batchGet", USERS),
    ("admin_delete", "DeleteUser", "POST", f"{PROJECT}/accounts:delete", {"kind": "x"}),
    ("admin_delete_many", "DeleteUser", "POST", f"{PROJECT}/accounts:batchDelete", {}),
    (
        "admin_reset_link",
        "PasswordsEmailResetStart",
        "POST",
        f"{PROJECT}/accounts:sendOobCode",
        LINK,
    ),
    (
        "admin_session_cookie",
        "SessionsExchange",
        "POST",
        f"{PROJECT}:createSessionCookie",
        {"sessionCookie": "made-up"},
    ),
    ("admin_provider", None, "GET", PROVIDER, OIDC),
]


def refusal(status: int, message: str) -> tuple[int, Any]:
    """Return how Firebase Authentication refuses."""
    return status, {"error": {"code": status, "message": message, "status": "x", "errors": []}}


def undecidable() -> list[Call]:
    """Return what cannot be told from its span."""
    body = "which it is stands in the body"
    rows = [
        (
            "confirmation mail",
            "send_email_verification",
            "MagicLinksEmailSend",
            f"{OLD}/getOobConfirmationCode",
            f"MagicLinksEmailSend seen as PasswordsEmailResetStart: {body}",
        ),
        (
            "change of password",
            "change_password",
            "PasswordsSessionReset",
            f"{NEW}/accounts:update",
            f"PasswordsSessionReset seen as UpdateUser: {body}",
        ),
        (
            "end of all sessions",
            "admin_revoke",
            "SessionsRevoke",
            f"{PROJECT}/accounts:update",
            f"SessionsRevoke seen as UpdateUser: {body}",
        ),
    ]
    return [
        Call(label, call, action, "POST", url, (200, UPDATED), known_limit=limit)
        for label, call, action, url, limit in rows
    ]


def drive(program: Program) -> None:
    """Make every call."""
    known = {
        call: Call(call, call, action, method, url, (200, body))
        for call, action, method, url, body in ROWS
    }
    refusals: list[tuple[str, str, Any]] = [
        ("login, wrong password", "sign_in", refusal(400, "INVALID_LOGIN_CREDENTIALS")),
        ("login, disabled", "sign_in", refusal(400, "USER_DISABLED")),
        ("login, too many", "sign_in", refusal(400, "TOO_MANY_ATTEMPTS_TRY_LATER")),
        ("login, nobody answers", "sign_in", None),
        ("register, address taken", "create_user", refusal(400, "EMAIL_EXISTS")),
        ("register, weak password", "create_user", refusal(400, "WEAK_PASSWORD")),
        ("refresh token revoked", "refresh", refusal(400, "TOKEN_EXPIRED")),
        ("reset, code expired", "verify_reset_code", refusal(400, "EXPIRED_OOB_CODE")),
        ("reset, no such user", "send_password_reset", refusal(400, "EMAIL_NOT_FOUND")),
        ("session, token expired", "get_account_info", refusal(400, "INVALID_ID_TOKEN")),
        ("administrator, address taken", "admin_create", refusal(400, "EMAIL_EXISTS")),
        ("administrator, no such user", "admin_delete", refusal(400, "USER_NOT_FOUND")),
        ("administrator, no rights", "admin_list", refusal(403, "PERMISSION_DENIED")),
        ("session cookie, bad token", "admin_session_cookie", refusal(400, "INVALID_ID_TOKEN")),
    ]
    refused = [
        Call(label, call, known[call].action, known[call].method, known[call].url, answer)
        for label, call, answer in refusals
    ]
    drive_calls(program, [*known.values(), *refused, *undecidable()])
