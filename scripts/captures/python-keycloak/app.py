"""Keycloak as applications use it by python-keycloak: logging in, and administering users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keycloak import KeycloakAdmin, KeycloakOpenID
from vendor import serve

HOST = "sso.acme.example"
EMAIL = "ada@example.com"
USER = "5a0c8a3e-5c5f-4b4e-9d9f-0f2f6a1c7b11"

Made = Callable[[dict[str, Any]], object]


def openid() -> KeycloakOpenID:
    """Return what an application logs in with."""
    return KeycloakOpenID(f"https://{HOST}/", "acme", "shop", "made-up", max_retries=0)


def admin() -> KeycloakAdmin:
    """Return what an administrator uses; its token is good for an hour."""
    token = {"access_token": "made-up", "refresh_token": "made-up", "expires_in": 3600}
    return KeycloakAdmin(f"https://{HOST}/", token=token, realm_name="acme", max_retries=0)


def openid_calls() -> dict[str, Made]:
    """Return what an application calls."""
    return {
        "code": lambda _: openid().token(
            grant_type="authorization_code", code="made-up", redirect_uri="https://app.example/cb"
        ),
        "password": lambda _: openid().token(EMAIL, "made-up"),
        "client_credentials": lambda _: openid().token(grant_type="client_credentials"),
        "refresh": lambda _: openid().refresh_token("made-up"),
        "userinfo": lambda _: openid().userinfo("made-up"),
        "introspect": lambda _: openid().introspect("made-up"),
        "logout": lambda _: openid().logout("made-up"),
        "certs": lambda _: openid().certs(),
        "device": lambda _: openid().device(),
        "register_client": lambda _: openid().register_client("made-up", {"clientId": "x"}),
        "well_known": lambda _: openid().well_known(),
    }


def admin_calls() -> dict[str, Made]:
    """Return what an administrator calls."""
    return {
        "create_user": lambda _: admin().create_user({"username": "ada", "email": EMAIL}),
        "get_users": lambda _: admin().get_users(),
        "get_user": lambda _: admin().get_user(USER),
        "update_user": lambda _: admin().update_user(USER, {"firstName": "Ada"}),
        "delete_user": lambda _: admin().delete_user(USER),
        "set_password": lambda _: admin().set_user_password(USER, "made-up"),
        "send_update_account": lambda _: admin().send_update_account(USER, ["UPDATE_PASSWORD"]),
        "send_verify_email": lambda _: admin().send_verify_email(USER),
        "sessions": lambda _: admin().get_sessions(USER),
        "user_logout": lambda _: admin().user_logout(USER),
        "get_groups": lambda _: admin().get_realm_roles(),
    }


serve({**openid_calls(), **admin_calls()}, [HOST])
