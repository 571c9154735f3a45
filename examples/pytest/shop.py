"""A Flask website with a log-in form and a log-out."""

import os

from flask import Flask, redirect, request, session
from werkzeug import Response


def create_app() -> Flask:
    """Return the application."""
    app = Flask(__name__)
    app.secret_key = os.urandom(32)

    @app.post("/login")
    def login() -> str | Response:
        if request.form["password"] != "correct horse battery staple":
            return "<p>Wrong user or password.</p>"
        session["user"] = request.form["user"]
        return redirect("/")

    @app.post("/logout")
    def logout() -> Response:
        session.clear()
        return redirect("/")

    return app
