"""What is asked of Supabase Auth: every call once, and the refusals that its clients meet."""

from __future__ import annotations

from typing import Any

from program import Program
from vendor_steps import ENVIRONMENT, Call, drive_calls

__all__ = ["ENVIRONMENT", "PACKS", "drive"]

PACKS: list[str] = []

AUTH = "https://myproject.supabase.co/auth/v1"
USER: dict[str, Any] = {
    "id": "5a0c8a3e-5c5f-4b4e-9d9f-0f2f6a1c7b11",
    "aud": "authenticated",
    "email": "ada@example.com",
    "app_metadata": {},
    "user_metadata": {},
    "created_at": "2026-11-27T10:42:00Z",
}
SESSION = {
    "access_token": "made-up",
    "refresh_token": "made-up",
    "expires_in": 3600,
    "token_type": "bearer",
    "user": USER,
}
LINK = {
    "action_link": "https://myproject.supabase.co/auth/v1/verify?token=made-up",
    "email_otp": "123456",
    "hashed_token": "made-up",
    "redirect_to": "https://app.example.com",
    "verification_type": "magiclink",
}
FACTOR = {
    "id": "7b1f7a52-0f6e-4c58-8a57-2a2f3c3f9d22",
    "type": "totp",
    "friendly_name": "phone",
    "totp": {"qr_code": "<svg/>", "secret": "MADEUP", "uri": "otpauth://totp/made-up"},
}
CHALLENGE = {"id": FACTOR["id"], "type": "totp", "expires_at": 1_800_000_000}
OAUTH_CLIENT = {
    "client_id": FACTOR["id"],
    "client_name": "made up",
    "client_type": "public",
    "token_endpoint_auth_method": "none",
    "registration_type": "manual",
    "redirect_uris": ["https://app.example.com/cb"],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "created_at": "2026-11-27T10:42:00Z",
    "updated_at": "2026-11-27T10:42:00Z",
}
IN_THE_BODY = "which it is stands in the body, which no span shows"


def refusal(status: int, code: str) -> tuple[int, Any]:
    """Return how Supabase Auth refuses."""
    return status, {"code": status, "error_code": code, "msg": "made up"}


def successes() -> list[Call]:
    """Return every call, answered as it is when all is well."""
    other = "https://myproject.supabase.co/rest/v1/todos"
    token, users, factors = f"{AUTH}/token", f"{AUTH}/admin/users", f"{AUTH}/factors"
    rows: list[tuple[str, str | None, str, str, Any]] = [
        ("sign_up", "CreateUser", "POST", f"{AUTH}/signup", SESSION),
        ("sign_in_anonymously", "CreateUser", "POST", f"{AUTH}/signup", SESSION),
        ("sign_in_with_password", "PasswordsAuthenticate", "POST", token, SESSION),
        ("sign_in_with_id_token", "OAuthAuthenticate", "POST", token, SESSION),
        ("exchange_code_for_session", "OAuthAuthenticate", "POST", token, SESSION),
        ("refresh_session", "SessionsAuthenticate", "POST", token, SESSION),
        ("sign_in_with_sso", "SSOStart", "POST", f"{AUTH}/sso", {"url": "https://idp.example"}),
        ("sign_in_with_otp", "MagicLinksEmailLoginOrCreate", "POST", f"{AUTH}/otp", {}),
        ("resend", "MagicLinksEmailSend", "POST", f"{AUTH}/resend", {}),
        ("verify_otp", "OTPsAuthenticate", "POST", f"{AUTH}/verify", SESSION),
        ("reset_password_for_email", "PasswordsEmailResetStart", "POST", f"{AUTH}/recover", {}),
        ("get_user", "GetUser", "GET", f"{AUTH}/user", USER),
        ("update_user", "UpdateUser", "PUT", f"{AUTH}/user", USER),
        ("reauthenticate", "OTPsEmailSend", "GET", f"{AUTH}/reauthenticate", {}),
        ("sign_out", "SessionsRevoke", "POST", f"{AUTH}/logout", {}),
        ("link_identity", "OAuthStart", "GET", f"{AUTH}/user/identities/authorize", {"url": "x"}),
        ("enroll", "TOTPsCreate", "POST", factors, FACTOR),
        ("challenge", None, "POST", f"{factors}/{{factor_id}}/challenge", CHALLENGE),
        ("verify_factor", "TOTPsAuthenticate", "POST", f"{factors}/{{factor_id}}/verify", SESSION),
        ("unenroll", "DeleteUserTOTP", "DELETE", f"{factors}/{{factor_id}}", {"id": FACTOR["id"]}),
        ("read_a_table", None, "GET", other, []),
        ("invite", "MagicLinksEmailInvite", "POST", f"{AUTH}/invite", USER),
        ("generate_link", "MagicLinksCreate", "POST", f"{AUTH}/admin/generate_link", USER | LINK),
        ("create_user", "CreateUser", "POST", users, USER),
        ("list_users", "SearchUsersExternal", "GET", users, {"users": [USER]}),
        ("get_user_by_id", "GetUser", "GET", f"{users}/{{user_id}}", USER),
        ("update_user_by_id", "UpdateUser", "PUT", f"{users}/{{user_id}}", USER),
        ("delete_user", "DeleteUser", "DELETE", f"{users}/{{user_id}}", {}),
        ("admin_sign_out", "SessionsRevoke", "POST", f"{AUTH}/logout", {}),
        ("list_factors", "GetUser", "GET", f"{users}/{{user_id}}/factors", []),
        (
            "delete_factor",
            "DeleteUserTOTP",
            "DELETE",
            f"{users}/{{user_id}}/factors/{{factor_id}}",
            {"id": FACTOR["id"]},
        ),
        (
            "create_oauth_client",
            "ConnectedAppsClientsCreate",
            "POST",
            f"{AUTH}/admin/oauth/clients",
            OAUTH_CLIENT,
        ),
        (
            "list_oauth_clients",
            "ConnectedAppsClientsSearch",
            "GET",
            f"{AUTH}/admin/oauth/clients",
            {"clients": [OAUTH_CLIENT], "aud": "authenticated"},
        ),
        (
            "delete_oauth_client",
            "ConnectedAppsClientsDelete",
            "DELETE",
            f"{AUTH}/admin/oauth/clients/{{client_id}}",
            {},
        ),
    ]
    return [
        Call(call, call, action, method, url, answer=(200, body))
        for call, action, method, url, body in rows
    ]


def refusals() -> list[Call]:
    """Return what is refused, and what is not answered."""
    by_call = {one.call: one for one in successes()}
    rows: list[tuple[str, str, tuple[int, Any] | None]] = [
        ("login, wrong password", "sign_in_with_password", refusal(400, "invalid_credentials")),
        ("login, not confirmed", "sign_in_with_password", refusal(400, "email_not_confirmed")),
        ("login, banned", "sign_in_with_password", refusal(403, "user_banned")),
        ("login, too many", "sign_in_with_password", refusal(429, "over_request_rate_limit")),
        ("login, vendor in trouble", "sign_in_with_password", refusal(500, "unexpected_failure")),
        ("login, vendor gone", "sign_in_with_password", refusal(503, "unexpected_failure")),
        ("login, nobody answers", "sign_in_with_password", None),
        ("sign up, address taken", "sign_up", refusal(422, "user_already_exists")),
        ("sign up, weak password", "sign_up", refusal(422, "weak_password")),
        ("code, wrong or expired", "verify_otp", refusal(403, "otp_expired")),
        ("code by mail, too many", "sign_in_with_otp", refusal(429, "over_email_send_rate_limit")),
        ("session gone", "get_user", refusal(403, "session_not_found")),
        ("refresh token used twice", "refresh_session", refusal(400, "refresh_token_already_used")),
        ("refresh, nobody answers", "refresh_session", None),
        ("second factor, wrong code", "verify_factor", refusal(422, "mfa_verification_failed")),
        ("callback, code used", "exchange_code_for_session", refusal(404, "flow_state_not_found")),
        ("administrator, no such user", "get_user_by_id", refusal(404, "user_not_found")),
        ("administrator, wrong key", "create_user", refusal(401, "no_authorization")),
    ]
    return [
        Call(label, call, by_call[call].action, by_call[call].method, by_call[call].url, answer)
        for label, call, answer in rows
    ]


def undecidable() -> list[Call]:
    """Return what cannot be told from its span."""
    phone = "OTPsSMSLoginOrCreate seen as MagicLinksEmailLoginOrCreate"
    link = "MagicLinksAuthenticate seen as OTPsAuthenticate"
    return [
        Call(
            "code by text message",
            "sign_in_with_otp_phone",
            "OTPsSMSLoginOrCreate",
            "POST",
            f"{AUTH}/otp",
            known_limit=f"{phone}: {IN_THE_BODY}",
        ),
        Call(
            "link from a mail, by its token's hash",
            "verify_link",
            "MagicLinksAuthenticate",
            "POST",
            f"{AUTH}/verify",
            answer=(200, SESSION),
            known_limit=f"{link}: {IN_THE_BODY}",
        ),
    ]


def drive(program: Program) -> None:
    """Make every call."""
    drive_calls(program, [*successes(), *refusals(), *undecidable()])
