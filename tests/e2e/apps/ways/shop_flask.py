"""An ordinary Flask application with a login; it knows nothing of event logs or of tracing."""

import os

from flask import Flask, request
from gate import wait_at_gate

app = Flask(__name__)


@app.post("/login")
def login() -> tuple[dict[str, object], int]:
    """Let Ada in with her password, and nobody else."""
    form = request.get_json()
    if form.get("wait"):
        wait_at_gate()
    if form["password"] != "correct horse":
        return {"error": "wrong user or password"}, 401
    return {"user": form["user"], "pid": os.getpid()}, 200


@app.get("/news")
def news() -> dict[str, str]:
    """Show a page that has nothing to do with logins."""
    return {"news": "none"}


@app.get("/busy")
def busy() -> dict[str, str]:
    """Keep this worker busy."""
    wait_at_gate()
    return {}


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
