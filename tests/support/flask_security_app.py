"""A Flask application with Flask-Security under its real instrumentation."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import flask
import flask_sqlalchemy
from flask.testing import FlaskClient
from flask_security import (
    MailUtil,
    Security,
    SQLAlchemyUserDatastore,
    auth_required,
    hash_password,
)
from flask_security.models import fsqla_v3
from opentelemetry.instrumentation.flask import FlaskInstrumentor

from tests.support.tracing import Tracing

ADDRESS, PASSWORD = "ada@example.com", "correct horse battery staple"

RULES = """
[[rule]]
name = "second factor"
action = "TOTPsAuthenticate"
route = "/tf-validate"
method = "POST"
[[rule]]
name = "unified sign-in"
action = "OTPsAuthenticate"
route = "/us-signin"
method = "POST"
[[rule]]
name = "send code"
action = "OTPsEmailSend"
route = "/us-signin/send-code"
method = "POST"
[[rule]]
name = "forgotten"
action = "PasswordsEmailResetStart"
route = "/reset"
method = "POST"
[[rule]]
name = "reset"
action = "PasswordsEmailReset"
route = "/reset/{token}"
method = "POST"
[[rule]]
name = "change"
action = "PasswordsExistingPasswordReset"
route = "/change"
method = "POST"
[[rule]]
name = "profile"
action = "SessionsAuthenticate"
route = "/profile"
method = "GET"
"""


SECOND_FACTOR = {
    "two_factor": True,
    "two_factor_required": True,
    "two_factor_always_validate": True,
    "two_factor_enabled_methods": ["email"],
    "totp_issuer": "shop",
    "totp_secrets": {"1": "TjQ9Qa31VOrfEzuPy4VHQWPCTmRzCnFzMKLxXYiZu9B"},
}
"""Settings with which every log-in needs a code from an e-mail."""


@dataclass
class SecurityApp:
    """The application, its one user, and what it would have mailed."""

    app: flask.Flask
    user_id: str = ""
    mails: list[dict[str, Any]] = field(default_factory=list)

    def client(self) -> FlaskClient:
        """Return a browser of its own."""
        return self.app.test_client()


@contextmanager
def flask_security_app(traced: Tracing, **config: Any) -> Iterator[SecurityApp]:
    """Yield the application.

    Args:
        traced: whose spans it makes.
        config: settings of Flask-Security, without `SECURITY_`, in lower case.

    """
    app = flask.Flask("shop")
    made = SecurityApp(app)
    app.config.update(
        SECRET_KEY=secrets.token_hex(16),
        SECURITY_PASSWORD_SALT=secrets.token_hex(8),
        SECURITY_PASSWORD_HASH="plaintext",
        SECURITY_PASSWORD_SCHEMES=["plaintext"],
        SECURITY_PASSWORD_SINGLE_HASH=["plaintext"],
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
        SECURITY_REGISTERABLE=True,
        SECURITY_RECOVERABLE=True,
        SECURITY_CHANGEABLE=True,
        SECURITY_SEND_REGISTER_EMAIL=False,
        SQLALCHEMY_DATABASE_URI="sqlite://",
        WTF_CSRF_ENABLED=False,
        **{f"SECURITY_{name.upper()}": value for name, value in config.items()},
    )

    class Mail(MailUtil):
        """Keeps what it would send."""

        def send_mail(self, template: str, *args: Any, **kwargs: Any) -> None:
            """Keep the context, in which codes and tokens are."""
            del args
            made.mails.append(kwargs | {"template": template})

    db = flask_sqlalchemy.SQLAlchemy(app)
    fsqla_v3.FsModels.set_db_info(db)
    role = type("Role", (db.Model, fsqla_v3.FsRoleMixin), {})
    user = type("User", (db.Model, fsqla_v3.FsUserMixin), {})
    store = SQLAlchemyUserDatastore(db, user, role)
    Security(app, store, mail_util_cls=Mail)
    with app.app_context():
        db.create_all()
        made.user_id = _add_user(store)

    app.add_url_rule("/profile", "profile", auth_required("session")(lambda: "ok"))

    FlaskInstrumentor().instrument_app(app, tracer_provider=traced.provider)
    try:
        yield made
    finally:
        FlaskInstrumentor.uninstrument_app(app)
        with app.app_context():
            db.engine.dispose()


def _add_user(store: Any) -> str:
    # An identity that differs from the row's number in no way would hide a mistake.
    for number in range(41):
        store.create_user(email=f"u{number}@example.com", password=hash_password("x" * 12))
    ada = store.create_user(email=ADDRESS, password=hash_password(PASSWORD))
    store.commit()
    return str(ada.id)
