"""An ordinary Flask application with a login; it knows nothing of event logs."""

import os

from flask import Flask, request

app = Flask(__name__)


@app.post("/login")
def login() -> tuple[dict[str, str], int]:
    """Let Ada in with her password, and nobody else."""
    form = request.get_json()
    if form["password"] != "correct horse":
        return {"error": "wrong user or password"}, 401
    return {"user": form["user"]}, 200


@app.get("/news")
def news() -> dict[str, str]:
    """Show a page that has nothing to do with logins."""
    return {"news": "none"}


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
