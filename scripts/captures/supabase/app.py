"""Supabase's Python client: what it calls to log in, to administer users, and to read a table."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from supabase import Client, ClientOptions, create_client
from supabase_auth.types import Session
from vendor import serve

HOST = "myproject.supabase.co"
USER_ID = "5a0c8a3e-5c5f-4b4e-9d9f-0f2f6a1c7b11"
OTHER_ID = "7b1f7a52-0f6e-4c58-8a57-2a2f3c3f9d22"
USER = {
    "id": USER_ID,
    "aud": "authenticated",
    "email": "ada@example.com",
    "app_metadata": {},
    "user_metadata": {},
    "created_at": "2026-11-27T10:42:00Z",
}


def client() -> Client:
    """Return the vendor's client; nothing runs in the background."""
    options = ClientOptions(auto_refresh_token=False, persist_session=True)
    return create_client(f"https://{HOST}", "sb_secret_made_up", options)


def signed_in() -> Client:
    """Return a client with a session, without having asked for one."""
    supabase = client()
    session = {
        "access_token": "made-up",
        "refresh_token": "made-up",
        "expires_in": 3600,
        "expires_at": int(time.time()) + 3600,
        "token_type": "bearer",
        "user": USER,
    }
    supabase.auth._save_session(Session.model_validate(session))  # noqa: SLF001 - no public way
    return supabase


Made = Callable[[dict[str, Any]], object]
EMAIL = {"email": "ada@example.com"}
PASSWORD = {**EMAIL, "password": "made-up-password"}
LINK = {"type": "magiclink", **EMAIL}
OAUTH_CLIENT: Any = {"client_name": "made up", "redirect_uris": ["https://app.example.com/cb"]}


def log_in_calls() -> dict[str, Made]:
    """Return what somebody calls who is not signed in yet."""
    return {
        "sign_up": lambda _: client().auth.sign_up({**PASSWORD}),
        "sign_in_anonymously": lambda _: client().auth.sign_in_anonymously(),
        "sign_in_with_password": lambda _: client().auth.sign_in_with_password({**PASSWORD}),
        "sign_in_with_id_token": lambda _: client().auth.sign_in_with_id_token(
            {"provider": "google", "token": "made-up"}
        ),
        "sign_in_with_sso": lambda _: client().auth.sign_in_with_sso({"domain": "example.com"}),
        "sign_in_with_otp": lambda _: client().auth.sign_in_with_otp({**EMAIL}),
        "sign_in_with_otp_phone": lambda _: client().auth.sign_in_with_otp(
            {"phone": "+15550100000"}
        ),
        "resend": lambda _: client().auth.resend({"type": "signup", **EMAIL}),
        "verify_otp": lambda _: client().auth.verify_otp(
            {"type": "email", "token": "123456", **EMAIL}
        ),
        "verify_link": lambda _: client().auth.verify_otp(
            {"type": "magiclink", "token_hash": "made-up"}
        ),
        "reset_password_for_email": lambda _: client().auth.reset_password_for_email(
            "ada@example.com", {"redirect_to": "https://app.example.com/new"}
        ),
        "exchange_code_for_session": lambda _: client().auth.exchange_code_for_session(
            {"auth_code": "made-up", "code_verifier": "made-up", "redirect_to": ""}
        ),
        "refresh_session": lambda _: client().auth.refresh_session("made-up"),
        "get_user": lambda _: client().auth.get_user("made-up-jwt"),
    }


def signed_in_calls() -> dict[str, Made]:
    """Return what somebody calls who is signed in."""
    factor = {"factor_id": OTHER_ID}
    return {
        "update_user": lambda _: signed_in().auth.update_user({"data": {"colour": "blue"}}),
        "reauthenticate": lambda _: signed_in().auth.reauthenticate(),
        "sign_out": lambda _: signed_in().auth.sign_out(),
        "link_identity": lambda _: signed_in().auth.link_identity({"provider": "github"}),
        "enroll": lambda _: signed_in().auth.mfa.enroll({"factor_type": "totp", "issuer": "x"}),
        "challenge": lambda _: signed_in().auth.mfa.challenge({**factor}),
        "verify_factor": lambda _: signed_in().auth.mfa.verify(
            {**factor, "challenge_id": OTHER_ID, "code": "123456"}
        ),
        "unenroll": lambda _: signed_in().auth.mfa.unenroll({**factor}),
        "read_a_table": lambda _: signed_in().table("todos").select("*").execute(),
    }


def admin_calls() -> dict[str, Made]:
    """Return what an administrator calls."""
    return {
        "invite": lambda _: client().auth.admin.invite_user_by_email("ada@example.com"),
        "generate_link": lambda _: client().auth.admin.generate_link({**LINK}),
        "create_user": lambda _: client().auth.admin.create_user({**PASSWORD}),
        "list_users": lambda _: client().auth.admin.list_users(),
        "get_user_by_id": lambda _: client().auth.admin.get_user_by_id(USER_ID),
        "update_user_by_id": lambda _: client().auth.admin.update_user_by_id(USER_ID, {**EMAIL}),
        "delete_user": lambda _: client().auth.admin.delete_user(USER_ID),
        "admin_sign_out": lambda _: client().auth.admin.sign_out("made-up"),
        "list_factors": lambda _: client().auth.admin.mfa.list_factors({"user_id": USER_ID}),
        "delete_factor": lambda _: client().auth.admin.mfa.delete_factor(
            {"user_id": USER_ID, "id": OTHER_ID}
        ),
        "create_oauth_client": lambda _: client().auth.admin.oauth.create_client(OAUTH_CLIENT),
        "list_oauth_clients": lambda _: client().auth.admin.oauth.list_clients(),
        "delete_oauth_client": lambda _: client().auth.admin.oauth.delete_client(OTHER_ID),
    }


serve({**log_in_calls(), **signed_in_calls(), **admin_calls()}, [HOST])
