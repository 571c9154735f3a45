"""A website that hears from its mail provider what became of the messages it sent."""

import hashlib
import hmac
import os
import time

from flask import Flask, abort, request

from otel_eventlog import record

app = Flask(__name__)

SECRET = os.environ.get("MAIL_WEBHOOK_SECRET", "example").encode()
"""Shared with the mail provider, which signs what it sends."""

SIGNATURE_AGE_S_MAX = 300
USERS_BY_ADDRESS = {"ada@example.com": "u-1", "grace@example.com": "u-2"}

BOUNCE_REASONS = {"mailbox_full", "no_such_mailbox", "blocked"}
"""The reasons that we tell apart; a provider's own texts may hold addresses."""


@app.post("/webhooks/mail")
def mail_events() -> dict[str, int]:
    """Record what the provider reports. It sends everything again until it gets a 2xx."""
    check_signature()
    events = request.get_json()["events"]
    for event in events:
        record_event(event)
    return {"received": len(events)}


def record_event(event: dict[str, str | float]) -> None:
    """Record one event as one event log.

    The provider's own id and time make it the same event log each time it is delivered. The
    address stays here: who it is about is told by the user's id.
    """
    happened = str(event["type"])
    if happened not in ("delivered", "bounced", "opened"):
        return
    reason = str(event.get("reason", ""))
    record(
        "EmailDelivery",
        event_key=str(event["id"]),
        time_unix_nano=round(float(event["timestamp"]) * 1_000) * 1_000_000,
        message_status=happened,
        user_id=USERS_BY_ADDRESS.get(str(event["recipient"])),
        status="error" if happened == "bounced" else "success",
        error_type=reason if reason in BOUNCE_REASONS else None,
        message_id=str(event["message_id"]),
    )


def check_signature() -> None:
    """Refuse what is not signed by the provider, or was signed too long ago."""
    sent_at = request.headers.get("X-Mail-Timestamp", "")
    signed = sent_at.encode() + b"." + request.get_data()
    wanted = hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("X-Mail-Signature", ""), wanted):
        abort(401)
    if abs(time.time() - int(sent_at)) > SIGNATURE_AGE_S_MAX:
        abort(401)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
