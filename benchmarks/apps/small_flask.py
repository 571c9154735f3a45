"""A small Flask application with a log-in, as people write them."""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

RIGHT = "engine"
app = Flask(__name__)


@app.post("/login")
def login() -> ResponseReturnValue:
    """Check a password."""
    if request.form.get("password") != RIGHT:
        return jsonify(error="wrong user or password"), 401
    return jsonify(user=request.form.get("user"))
