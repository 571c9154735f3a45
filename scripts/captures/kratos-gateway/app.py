"""A gateway: passes every request on to Kratos, and its answer back. Its spans are Flask's."""

from __future__ import annotations

import os
import time

import requests
from flask import Flask, Response, request

KRATOS = f"http://127.0.0.1:{os.environ['KRATOS_PORT']}"
ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
OURS = {"connection", "content-length", "content-encoding", "transfer-encoding"}

app = Flask("gateway")


@app.route("/<path:path>", methods=ANY)
def pass_on(path: str) -> Response:
    """Ask Kratos."""
    answer = requests.request(
        request.method,
        f"{KRATOS}/{path}",
        params=request.args,
        data=request.get_data(),
        headers={name: value for name, value in request.headers.items() if name != "Host"},
        allow_redirects=False,
        timeout=60,
    )
    passed = Response(answer.content, answer.status_code)
    # As they came: several cookies are several headers.
    for name, value in answer.raw.headers.items():
        if name.lower() not in OURS:
            passed.headers.add(name, value)
    return passed


def wait_for_kratos() -> None:
    """Return as soon as Kratos answers."""
    for _ in range(600):
        try:
            if requests.get(f"{KRATOS}/health/ready", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise RuntimeError("Kratos does not answer")


wait_for_kratos()
app.run("127.0.0.1", int(os.environ["PORT"]))
