"""Flask-Security-Too with its usual features on, SQLite, argon2 and mail that stays in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flask import Flask, jsonify
from flask_security import (
    MailUtil,
    Security,
    SQLAlchemyUserDatastore,
    auth_required,
    current_user,
    hash_password,
)
from flask_security.models import fsqla_v4 as fsqla
from flask_security.oauth_provider import FsOAuthProvider
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import generate_csrf
from provider import start_provider
from werkzeug.serving import make_server

DATA = Path(os.environ["DATA_DIR"])

app = Flask(__name__)
app.config |= {
    "SECRET_KEY": "a made-up key for this capture",
    "SQLALCHEMY_DATABASE_URI": f"sqlite:///{DATA / 'users.sqlite'}",
    "SECURITY_PASSWORD_SALT": "146585145368132386173505678016728509634",
    # As cheap as argon2 allows: the machine that records need not be fast.
    "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {
        "argon2__rounds": 1,
        "argon2__memory_cost": 8,
        "argon2__parallelism": 1,
    },
    "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
    "SECURITY_REGISTERABLE": True,
    "SECURITY_CONFIRMABLE": True,
    "SECURITY_RECOVERABLE": True,
    "SECURITY_CHANGEABLE": True,
    "SECURITY_CHANGE_EMAIL": True,
    "SECURITY_TRACKABLE": True,
    "SECURITY_UNIFIED_SIGNIN": True,
    "SECURITY_US_ENABLED_METHODS": ["password", "email", "authenticator"],
    "SECURITY_TWO_FACTOR": True,
    "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["email", "authenticator"],
    "SECURITY_TWO_FACTOR_RESCUE_MAIL": "help@example.com",
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
    "SECURITY_USERNAME_ENABLE": True,
    "SECURITY_CHANGE_USERNAME": True,
    "SECURITY_USERNAME_RECOVERY": True,
    "SECURITY_REFRESH_TOKEN": True,
    "SECURITY_REFRESH_TOKEN_COOKIE_NAME": None,
    "SECURITY_WEBAUTHN": True,
    "SECURITY_OAUTH_ENABLE": True,
    "SECURITY_OAUTH_BUILTIN_PROVIDERS": [],
    "SECURITY_TOTP_SECRETS": {1: "made-up-secret-for-this-capture-0123456789"},
    "SECURITY_TOTP_ISSUER": "capture",
}
if "SPA_HOST" in os.environ:  # as a single-page application has it: see flask-security-spa
    app.config |= {
        "SECURITY_REDIRECT_BEHAVIOR": "spa",
        "SECURITY_REDIRECT_HOST": os.environ["SPA_HOST"],
        "SECURITY_CONFIRM_ERROR_VIEW": "/confirm-failed",
        "SECURITY_POST_CONFIRM_VIEW": "/confirmed",
        "SECURITY_CHANGE_EMAIL_ERROR_VIEW": "/new-address-failed",
        "SECURITY_POST_CHANGE_EMAIL_VIEW": "/new-address",
        "SECURITY_RESET_VIEW": "/set-password",
        "SECURITY_RESET_ERROR_VIEW": "/reset-failed",
        "SECURITY_LOGIN_ERROR_VIEW": "/login-failed",
        "SECURITY_POST_LOGIN_VIEW": "/welcome",
        "SECURITY_POST_OAUTH_LOGIN_VIEW": "/welcome",
    }
db = SQLAlchemy(app)
fsqla.FsModels.set_db_info(db)


class Role(db.Model, fsqla.FsRoleMixin):  # type: ignore[name-defined,misc]
    """A group of users."""


class User(db.Model, fsqla.FsUserMixin):  # type: ignore[name-defined,misc]
    """A user; whoever has the role `two_factor` must have a second factor."""

    def check_tf_required(self, methods: list[Any], fresh: bool) -> tuple[bool, list[Any]]:  # noqa: FBT001 - as the product calls it
        """Return whether a second factor is due, and which ones there are."""
        required, methods = super().check_tf_required(methods, fresh)
        return required or self.has_role("two_factor"), methods


class WebAuthn(db.Model, fsqla.FsWebAuthnMixin):  # type: ignore[name-defined,misc]
    """A passkey of a user."""


class FsRefreshTracker(db.Model, fsqla.FsRefreshTrackerMixin):  # type: ignore[name-defined,misc]
    """A refresh token of a user."""


class FileMail(MailUtil):  # type: ignore[misc]
    """Appends each message to a file instead of sending it."""

    def send_mail(self, template: str, subject: str, recipient: str, *parts: Any, **_: Any) -> None:
        """Keep what a user would read."""
        message = {"template": template, "subject": str(subject), "to": recipient, "body": parts[1]}
        with (DATA / "mail.jsonl").open("a") as mail:
            mail.write(json.dumps(message) + "\n")


store = SQLAlchemyUserDatastore(db, User, Role, WebAuthn, FsRefreshTracker)
security = Security(app, store, mail_util_cls=FileMail)


provider = start_provider()
(DATA / "provider.txt").write_text(provider)
security.oauthglue.register_provider_ext(
    FsOAuthProvider(
        "github",
        registration_info={
            "client_id": "capture",
            "client_secret": "made-up",
            "access_token_url": f"{provider}/token",
            "authorize_url": f"{provider}/authorize",
            "api_base_url": provider,
        },
        fetch_identity_cb=lambda oauth, token: (
            "email",
            oauth.github.get("/user", token=token).json()["email"],
        ),
    )
)


@app.get("/")
def home() -> str:
    """Greet."""
    return "Welcome"


@app.get("/csrf")
def csrf() -> str:
    """Give a page's script the token that forms carry."""
    return str(generate_csrf())


@app.get("/me")
@auth_required("session", "token")
def me() -> Any:
    """Say who is signed in."""
    return jsonify(email=current_user.email)


@app.get("/sensitive")
@auth_required("session", within=0, grace=0)
def sensitive() -> str:
    """Be there for whoever has just proved who they are."""
    return "sensitive"


@app.post("/articles")
def articles() -> tuple[str, int]:
    """Do something that has nothing to do with signing in."""
    return "created", 201


def fill() -> None:
    """Create the users that are there from the beginning."""
    db.create_all()
    must = store.find_or_create_role("two_factor")
    for name in (
        "ada",
        "grace",
        "alan",
        "edsger",
        "barbara",
        "tony",
        "donald",
        "frances",
        "jean",
        "ida",
        "joan",
        "betty",
    ):
        user = store.create_user(
            email=f"{name}@example.com",
            username=f"{name}1",
            password=hash_password(f"{name} has a password"),
            confirmed_at=None if name == "tony" else security.datetime_factory(),
        )
        if name == "edsger":
            store.add_role_to_user(user, must)
        if name == "barbara":
            store.deactivate_user(user)
    store.commit()


if __name__ == "__main__":
    with app.app_context():
        fill()
    make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True).serve_forever()
