"""Flask-AppBuilder with database login, self-registration and its security API; SQLite."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask import Flask, url_for
from flask_appbuilder import AppBuilder
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.models.sqla.base import SQLA
from flask_appbuilder.security.registerviews import RegisterUserDBView
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_wtf.csrf import generate_csrf
from werkzeug.security import generate_password_hash
from werkzeug.serving import make_server
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Email, EqualTo

DATA = Path(os.environ["DATA_DIR"])


class RegisterForm(DynamicForm):  # type: ignore[misc]
    """The product's form without its captcha, which would ask a service on the internet."""

    username = StringField(validators=[DataRequired()])
    first_name = StringField(validators=[DataRequired()])
    last_name = StringField(validators=[DataRequired()])
    email = StringField(validators=[DataRequired(), Email()])
    password = PasswordField(validators=[DataRequired()])
    conf_password = PasswordField(validators=[EqualTo("password")])


class RegisterView(RegisterUserDBView):  # type: ignore[misc]
    """The product's registration, its mail kept in a file."""

    form = RegisterForm

    def send_email(self, register_user: Any) -> bool:
        """Keep the link; nobody can be reached at example.org."""
        link = url_for(".activation", activation_hash=register_user.registration_hash)
        with (DATA / "mail.txt").open("a") as mail:
            mail.write(f"{register_user.email} {link}\n")
        return not register_user.email.endswith("@example.org")


class Manager(SecurityManager):  # type: ignore[misc]
    """The product's security manager with the view above."""

    registeruserdbview = RegisterView


app = Flask(__name__)
app.config |= {
    "SECRET_KEY": "a made-up key for this capture, long enough",
    "SQLALCHEMY_DATABASE_URI": f"sqlite:///{DATA / 'users.sqlite'}",
    "AUTH_USER_REGISTRATION": True,
    "AUTH_USER_REGISTRATION_ROLE": "Public",
    "FAB_ADD_SECURITY_API": True,
    # As cheap as it may be: the machine that records need not be fast.
    "FAB_PASSWORD_HASH_METHOD": "pbkdf2:sha256:1000",
}


@app.get("/csrf")
def csrf() -> str:
    """Give the token that forms carry."""
    return str(generate_csrf())


@app.post("/articles")
def articles() -> tuple[str, int]:
    """Do something that has nothing to do with signing in."""
    return "created", 201


def fill(builder: AppBuilder) -> None:
    """Create the users that are there from the beginning."""
    manager = builder.sm
    for name, role in (("ada", "Admin"), ("grace", "Admin"), ("alan", "Public")):
        manager.add_user(
            name,
            name.title(),
            "Example",
            f"{name}@example.com",
            manager.find_role(role),
            hashed_password=generate_password_hash(f"{name} has a password"),
        )
    barbara = manager.add_user(
        "barbara",
        "Barbara",
        "Example",
        "barbara@example.com",
        manager.find_role("Admin"),
        hashed_password=generate_password_hash("barbara has a password"),
    )
    barbara.active = False
    manager.update_user(barbara)


if __name__ == "__main__":
    with app.app_context():
        fill(AppBuilder(app, SQLA(app).session, security_manager_class=Manager))
    make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True).serve_forever()
