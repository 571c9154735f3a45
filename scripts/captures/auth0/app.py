"""Auth0's Python SDK: the whole of its authentication part, and users and sessions of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auth0.authentication import (
    Database,
    Enterprise,
    GetToken,
    Passwordless,
    RevokeToken,
    Social,
    Users,
)
from auth0.authentication.back_channel_login import BackChannelLogin
from auth0.authentication.pushed_authorization_requests import PushedAuthorizationRequests
from auth0.management import ManagementClient
from vendor import serve

HOST = "acme.eu.auth0.com"
WHO = ("client-made-up", "secret-made-up")
EMAIL = "ada@example.com"
CALLBACK = "https://app.example.com/cb"

Made = Callable[[dict[str, Any]], object]


def token() -> GetToken:
    """Return the SDK's way to /oauth/token."""
    return GetToken(HOST, *WHO)


def management() -> ManagementClient:
    """Return the SDK's client for administrators."""
    return ManagementClient(domain=HOST, token="made-up")


def authentication_calls() -> dict[str, Made]:
    """Return what an application calls to log somebody in."""
    return {
        "login": lambda _: token().login(EMAIL, "made-up", realm="Users"),
        "authorization_code": lambda _: token().authorization_code("made-up", CALLBACK),
        "authorization_code_pkce": lambda _: token().authorization_code_pkce(
            "made-up", "made-up", CALLBACK
        ),
        "client_credentials": lambda _: token().client_credentials("https://api.example.com"),
        "refresh_token": lambda _: token().refresh_token("made-up"),
        "passwordless_login": lambda _: token().passwordless_login(
            EMAIL, "123456", "email", "openid", "https://api.example.com"
        ),
        "signup": lambda _: Database(HOST, *WHO).signup(EMAIL, "made-up", "Users"),
        "change_password": lambda _: Database(HOST, *WHO).change_password(EMAIL, "Users"),
        "passwordless_email": lambda _: Passwordless(HOST, *WHO).email(EMAIL),
        "passwordless_sms": lambda _: Passwordless(HOST, *WHO).sms("+15550100000"),
        "social_login": lambda _: Social(HOST, *WHO).login("made-up", "facebook"),
        "back_channel_login": lambda _: BackChannelLogin(HOST, *WHO).back_channel_login(
            "made up", "made up", "openid"
        ),
        "par": lambda _: PushedAuthorizationRequests(HOST, *WHO).pushed_authorization_request(
            "code", CALLBACK
        ),
        "revoke_refresh_token": lambda _: RevokeToken(HOST, *WHO).revoke_refresh_token("made-up"),
        "userinfo": lambda _: Users(HOST).userinfo("made-up"),
        "saml_metadata": lambda _: Enterprise(HOST, *WHO).saml_metadata(),
    }


def management_calls() -> dict[str, Made]:
    """Return what an administrator calls."""
    user = "auth0|made-up"
    return {
        "list_users": lambda _: management().users.list(),
        "users_by_email": lambda _: management().users.list_users_by_email(email=EMAIL),
        "create_user": lambda _: management().users.create(connection="Users", email=EMAIL),
        "get_user": lambda _: management().users.get(user),
        "update_user": lambda _: management().users.update(user, nickname="ada"),
        "delete_user": lambda _: management().users.delete(user),
        "recovery_code": lambda _: management().users.regenerate_recovery_code(user),
        "revoke_access": lambda _: management().users.revoke_access(user),
        "user_sessions": lambda _: management().users.sessions.list(user),
        "delete_sessions": lambda _: management().users.sessions.delete(user),
        "revoke_session": lambda _: management().sessions.revoke("session-made-up"),
        "list_methods": lambda _: management().users.authentication_methods.list(user),
        "delete_method": lambda _: management().users.authentication_methods.delete(user, "m-1"),
        "password_ticket": lambda _: management().tickets.change_password(user_id=user),
        "verify_ticket": lambda _: management().tickets.verify_email(user_id=user),
        "verification_email": lambda _: management().jobs.verification_email.create(user_id=user),
        "create_client": lambda _: management().clients.create(name="made up"),
        "rotate_secret": lambda _: management().clients.rotate_secret("client-1"),
        "list_roles": lambda _: management().roles.list(),
    }


serve({**authentication_calls(), **management_calls()}, [HOST])
