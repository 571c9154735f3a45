"""A small login API that says itself what HTTP cannot say."""

import hashlib
import hmac
import os
import secrets
from typing import Literal

import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from otel_eventlog import action, current_action, record

app = FastAPI()


class Credentials(BaseModel):
    """User name and password."""

    user: str
    password: str


class Code(BaseModel):
    """User name and the one-time code that was sent."""

    user: str
    code: str


class MailEvent(BaseModel):
    """What a mail provider's webhook reports about one message."""

    recipient: str
    event: Literal["delivered", "bounced", "opened"]


def digest(password: str) -> bytes:
    """Return what is stored in place of a password."""
    return hashlib.scrypt(password.encode(), salt=b"example", n=2**12, r=8, p=1)


USERS = {"ada": ("u-1", digest("correct horse battery staple"))}
CODES: dict[str, str] = {}
SESSIONS: dict[str, str] = {}


@app.post("/login")
def login(credentials: Credentials) -> dict[str, str]:
    """Check the password and send a one-time code.

    The built-in pack "common" knows `POST /login`; here it learns who it was, and why it failed.
    """
    user_id, expected = USERS.get(credentials.user, ("", b""))
    if not user_id:
        current_action().fail("user_not_found")
        raise HTTPException(401, "Wrong user or password.")
    current_action().set_user(user_id)
    if not hmac.compare_digest(digest(credentials.password), expected):
        current_action().fail("invalid_credentials")
        raise HTTPException(401, "Wrong user or password.")
    CODES[credentials.user] = code = f"{secrets.randbelow(1_000_000):06}"
    current_action().succeed(next_step="second_factor")
    return {"next": "POST /verify", "code": code}  # An example has no mail server to send it with.


@app.post("/verify")
@action("OTPsAuthenticate")
def verify(given: Code) -> dict[str, str]:
    """Check the one-time code. No rule knows this route: the decorator says what it is."""
    user_id, _ = USERS.get(given.user, ("", b""))
    current_action().set_user(user_id or None)
    if not hmac.compare_digest(CODES.pop(given.user, ""), given.code):
        current_action().fail("invalid_code")
        raise HTTPException(401, "Wrong or used code.")
    session = secrets.token_urlsafe()
    SESSIONS[session] = user_id
    current_action().set_session(token=session)
    return {"session": session}


@app.post("/webhooks/mail")
def mail_event(event: MailEvent) -> dict[str, bool]:
    """Record what became of a message: nobody asked us for anything, it just happened."""
    user_id, _ = USERS.get(event.recipient, (None, b""))
    reason = "bounced" if event.event == "bounced" else None  # with a reason it is an error
    record("EmailDelivery", message_status=event.event, user_id=user_id, error_type=reason)
    return {"ok": True}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), log_level="warning")
