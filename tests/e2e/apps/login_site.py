"""A Flask website with flask-login, as in its documentation; it knows nothing of event logs."""

import os
import secrets
from typing import Any

import flask
import flask_login

app = flask.Flask(__name__)
app.secret_key = secrets.token_bytes(16)
manager = flask_login.LoginManager(app)
ADA = flask_login.UserMixin()
ADA.id = "u-1"  # type: ignore[attr-defined]


@manager.user_loader
def load_user(user_id: str) -> Any:
    """Return the one user there is."""
    return ADA if user_id == "u-1" else None


@app.post("/login")
def login() -> Any:
    """Let Ada in with her password; all others see the form again."""
    if flask.request.form["password"] != "correct horse":
        return flask.redirect("/login")
    flask_login.login_user(ADA)
    return flask.redirect("/")


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
