"""Plays the mail provider: reports on three messages, and on the first one twice."""

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request

URL = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/webhooks/mail"
SECRET = os.environ.get("MAIL_WEBHOOK_SECRET", "example").encode()


def send(*events: dict[str, object]) -> None:
    """Send signed events to the webhook."""
    body = json.dumps({"events": events}).encode()
    sent_at = str(int(time.time()))
    signature = hmac.new(SECRET, sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Mail-Timestamp": sent_at,
        "X-Mail-Signature": signature,
    }
    request = urllib.request.Request(URL, body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        sys.stdout.write(f"{answer.status} {answer.read().decode().strip()}\n")


def event(number: int, happened: str, recipient: str, **more: str) -> dict[str, object]:
    """Return one event as the provider words it."""
    return {
        "id": f"evt-{number}",
        "type": happened,
        "timestamp": round(time.time(), 3),
        "recipient": recipient,
        "message_id": f"msg-{recipient.partition('@')[0]}",
        **more,
    }


if __name__ == "__main__":
    delivered = event(1, "delivered", "ada@example.com")
    send(delivered)
    send(event(2, "bounced", "grace@example.com", reason="mailbox_full"))
    send(delivered, event(3, "opened", "ada@example.com"))
