"""An ordinary Flask application with a login; it knows nothing of outages."""

from __future__ import annotations

import os
import time

from flask import Flask, request

import otel_eventlog

app = Flask(__name__)


@app.post("/login")
def login() -> tuple[dict[str, str], int]:
    """Let in who knows the password; think about it first, if asked to."""
    form = request.get_json()
    time.sleep(float(form.get("wait_s", 0)))
    if form["password"] != "correct horse":
        return {"error": "wrong user or password"}, 401
    return {"user": form["user"]}, 200


@app.post("/bounces/<int:count>")
def bounces(count: int) -> dict[str, int]:
    """Report so many bounced e-mails, as a mail provider's webhook does."""
    for number in range(count):
        otel_eventlog.record("EmailDelivery", message_status="bounced", user_id=f"u-{number}")
    return {"reported": count}


@app.get("/stats")
def stats() -> dict[str, object]:
    """Show what has become of this process's event logs."""
    processor = otel_eventlog.install()
    assert processor is not None
    counters = processor.delivery.stats()
    return {
        "pid": os.getpid(),
        "queued": counters.queued,
        "delivered": counters.delivered,
        "dropped": dict(counters.dropped),
        "retried": counters.retried,
        "spool_failures": counters.spool_failures,
        "spooled_bytes": counters.spooled_bytes,
        "is_failing": counters.is_failing,
    }


@app.post("/fork")
def fork() -> tuple[dict[str, int], int]:
    """Fork inside of a request: the child reports something and ends at once."""
    child = os.fork()
    if not child:
        otel_eventlog.record("EmailDelivery", message_status="opened", user_id="child")
        processor = otel_eventlog.install()
        delivered = processor is not None and processor.force_flush(30_000)
        os._exit(0 if delivered else 1)
    return {"child": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}, 200
