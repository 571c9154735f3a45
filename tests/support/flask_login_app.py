"""A Flask application with flask-login under its real instrumentation."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask
import flask_login
from opentelemetry.instrumentation.flask import FlaskInstrumentor

from tests.support.tracing import Tracing

PASSWORD = "correct horse battery staple"
PAGE = "<!doctype html><form method=post><input name=user><input name=password></form>"


class User(flask_login.UserMixin):
    """A user; the id that sessions hold is another than the user's own."""

    def __init__(self, user_id: str) -> None:
        self.id = user_id


USERS = {"ada": User("u-ada"), "grace": User("u-grace")}

LoginView = Callable[[], Any]


def credentials_are_right() -> bool:
    """Whether the form holds a known user and the password."""
    form = flask.request.form
    return form.get("user") in USERS and form.get("password") == PASSWORD


def page_again() -> Any:
    """Log in; a wrong password gets the form again, with 200."""
    if not credentials_are_right():
        flask.flash("Wrong user or password.")
        return PAGE
    flask_login.login_user(USERS[flask.request.form["user"]])
    return flask.redirect("/")


def back_to_login() -> Any:
    """Log in; a wrong password is sent back to the form, with 302."""
    if flask_login.current_user.is_authenticated:
        return flask.redirect("/")
    if not credentials_are_right():
        flask.flash("Wrong user or password.")
        return flask.redirect("/login?next=/me")
    flask_login.login_user(USERS[flask.request.form["user"]], remember=True)
    return flask.redirect("/")


@contextmanager
def flask_login_app(
    traced: Tracing, login: LoginView = page_again, **more: LoginView
) -> Iterator[flask.Flask]:
    """Yield the application.

    Args:
        traced: whose spans it makes.
        login: the view behind POST /login.
        more: further POST views, by their path without the slash.

    """
    app = flask.Flask("shop")
    app.secret_key = secrets.token_bytes(16)
    manager = flask_login.LoginManager(app)
    manager.login_view = "login"
    manager.user_loader(lambda user_id: next((u for u in USERS.values() if u.id == user_id), None))
    app.add_url_rule("/login", "login", login, methods=["POST"])
    app.add_url_rule("/login", "page", lambda: PAGE, methods=["GET"])
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/second/<token>", "second", lambda token: f"{PAGE}{len(token)}")

    @app.post("/logout")
    def logout() -> Any:
        flask_login.logout_user()
        return flask.redirect("/login")

    @app.get("/me")
    @flask_login.login_required
    def me() -> str:
        return str(flask_login.current_user.id)

    for name, view in more.items():
        app.add_url_rule(f"/{name}", name, view, methods=["POST"])
    FlaskInstrumentor().instrument_app(app, tracer_provider=traced.provider)
    try:
        yield app
    finally:
        FlaskInstrumentor.uninstrument_app(app)
