"""The API behind a small mobile app: FastAPI, JSON, sessions by bearer token.

Run it by itself:

    DEMO_DATABASE=/tmp/mobile.sqlite uvicorn otel_eventlog_collector.demo.apps.mobile:app

Status codes tell the outcome here, as in most JSON APIs: 401 for who is not let in, 429 for too
many tries. One thing they do not tell: the right password of somebody with a second factor is no
login yet. It is answered with 202, and `rules.toml` says what that means.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Response
from pydantic import BaseModel

from otel_eventlog_collector.demo.apps.accounts import Accounts, Refused, User
from otel_eventlog_collector.demo.apps.tell import tell, tell_refused

STATUS_CODES = {"already_exists": 409, "rate_limited": 429}
"""Status code of a refusal; every other one is a 401."""

accounts = Accounts(Path(os.environ.get("DEMO_DATABASE", "demo-mobile.sqlite")))
api = APIRouter(prefix="/api")


class Credentials(BaseModel):
    """What somebody logs in with."""

    email: str
    password: str


class NewAccount(Credentials):
    """What somebody registers with."""

    second_factor: bool = False


class Address(BaseModel):
    """Where to send something to."""

    email: str


class Code(BaseModel):
    """A one-time code, and for which sending it is the answer."""

    method_id: str
    code: str


def bearer_token(authorization: Annotated[str, Header()] = "") -> str:
    """Return the session's token out of the header `Authorization: Bearer …`."""
    return authorization.removeprefix("Bearer ")


Token = Annotated[str, Depends(bearer_token)]


# --- no auth calls ------------------------------------------------------------------------------


@api.get("/offers")
async def offers() -> list[str]:
    """Return what is on offer."""
    return ["tea", "coffee", "cups"]


@api.get("/mailbox/{email}")
def mailbox(email: str) -> list[dict[str, str]]:
    """Return the mails that we would have sent."""
    return accounts.mailbox(email)


# --- passwords --------------------------------------------------------------------------------


@api.post("/register", status_code=201)
def register(new: NewAccount) -> dict[str, str]:
    """Create an account and log in."""
    try:
        user = accounts.register(new.email, new.password, second_factor=new.second_factor)
    except Refused as refused:
        raise _answer(refused) from None
    return _let_in(user)


@api.post("/login")
def login(credentials: Credentials, response: Response) -> dict[str, str]:
    """Log in with a password, or take the first of two steps."""
    try:
        user = accounts.check_password(credentials.email, credentials.password)
    except Refused as refused:
        raise _answer(refused) from None
    if user.second_factor:
        response.status_code = 202
        return {"next_step": "second_factor", "method_id": _send_code(user)}
    return _let_in(user)


@api.post("/password-reset", status_code=202)
async def start_password_reset(address: Address) -> None:
    """Mail a link with which to set a new password; strangers get the same answer."""
    user = accounts.find(address.email)
    if user is not None:
        tell(user)
        accounts.send_mail(user.email, "New password", accounts.new_link(user))


# --- one-time codes -----------------------------------------------------------------------------


@api.post("/otp/send", status_code=202)
def send_code(address: Address) -> dict[str, str]:
    """Mail a one-time code; whoever has no account yet gets one."""
    return {"method_id": _send_code(accounts.find_or_create(address.email))}


@api.post("/otp/authenticate")
def use_code(code: Code) -> dict[str, str]:
    """Log in with a one-time code, or take the second step of a login."""
    tell(flow=code.method_id)
    try:
        user = accounts.use_code(code.method_id, code.code)
    except Refused as refused:
        raise _answer(refused) from None
    return _let_in(user)


# --- sessions -----------------------------------------------------------------------------------


@api.get("/session")
async def check_session(token: Token) -> dict[str, str]:
    """Return whose session this is."""
    try:
        user = accounts.check_session(token)
    except Refused as refused:
        raise _answer(refused) from None
    tell(user, session=token)
    return {"user_id": user.id}


@api.post("/logout", status_code=204)
def logout(token: Token) -> None:
    """End the session."""
    try:
        tell(accounts.close_session(token), session=token)
    except Refused as refused:
        raise _answer(refused) from None


def _let_in(user: User) -> dict[str, str]:
    token = accounts.open_session(user)
    tell(user, session=token)
    return {"user_id": user.id, "session_token": token}


def _send_code(user: User) -> str:
    method_id, code = accounts.new_code(user)
    tell(user, flow=method_id)
    accounts.send_mail(user.email, "Your code", code)
    return method_id


def _answer(refused: Refused) -> HTTPException:
    tell_refused(refused)
    return HTTPException(STATUS_CODES.get(refused.reason, 401), "You were not let in.")


app = FastAPI(title="Demo of otel-eventlog: mobile API")
app.include_router(api)
