"""Firebase Authentication: what clients call (pyrebase4), and administrators (firebase_admin)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import firebase_admin
import pyrebase
from firebase_admin import auth, credentials
from google.auth.credentials import AnonymousCredentials
from vendor import serve

HOSTS = ["identitytoolkit.googleapis.com", "www.googleapis.com", "securetoken.googleapis.com"]
EMAIL = "ada@example.com"

Made = Callable[[dict[str, Any]], object]


class NoCredentials(credentials.Base):
    """An administrator without a key: the stand-in does not ask for one."""

    def get_credential(self) -> Any:
        """Return credentials that add nothing to a request."""
        return AnonymousCredentials()


ADMIN = firebase_admin.initialize_app(
    NoCredentials(), {"projectId": "acme-made-up", "httpTimeout": 20}
)


def client() -> Any:
    """Return what a client application uses."""
    settings = {
        "apiKey": "made-up",
        "authDomain": "acme-made-up.firebaseapp.com",
        "databaseURL": "https://acme-made-up.firebaseio.com",
        "storageBucket": "acme-made-up.appspot.com",
    }
    return pyrebase.initialize_app(settings).auth()


def client_calls() -> dict[str, Made]:
    """Return what a client application calls."""
    return {
        "sign_in": lambda _: client().sign_in_with_email_and_password(EMAIL, "made-up"),
        "sign_in_anonymous": lambda _: client().sign_in_anonymous(),
        "sign_in_with_custom_token": lambda _: client().sign_in_with_custom_token("made-up"),
        "refresh": lambda _: client().refresh("made-up"),
        "get_account_info": lambda _: client().get_account_info("made-up"),
        "send_email_verification": lambda _: client().send_email_verification("made-up"),
        "send_password_reset": lambda _: client().send_password_reset_email(EMAIL),
        "verify_reset_code": lambda _: client().verify_password_reset_code("made-up", "made-up-2"),
        "create_user": lambda _: client().create_user_with_email_and_password(EMAIL, "made-up"),
        "delete_account": lambda _: client().delete_user_account("made-up"),
        "update_profile": lambda _: client().update_profile("made-up", display_name="Ada"),
        "change_password": lambda _: client().change_password("made-up", "made-up-2"),
    }


def admin_calls() -> dict[str, Made]:
    """Return what an administrator calls."""
    return {
        "admin_create": lambda _: auth._get_client(ADMIN)._user_manager.create_user(email=EMAIL),  # noqa: SLF001 - auth.create_user asks twice: it reads the user back
        "admin_get": lambda _: auth.get_user("made-up"),
        "admin_by_email": lambda _: auth.get_user_by_email(EMAIL),
        "admin_list": lambda _: auth.list_users(),
        "admin_delete": lambda _: auth.delete_user("made-up"),
        "admin_delete_many": lambda _: auth.delete_users(["made-up"]),
        "admin_revoke": lambda _: auth.revoke_refresh_tokens("made-up"),
        "admin_reset_link": lambda _: auth.generate_password_reset_link(EMAIL),
        "admin_session_cookie": lambda _: auth.create_session_cookie("made-up", timedelta(days=1)),
        "admin_provider": lambda _: auth.get_oidc_provider_config("oidc.made-up"),
    }


serve({**client_calls(), **admin_calls()}, HOSTS)
