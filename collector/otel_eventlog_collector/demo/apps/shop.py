"""A small web shop with accounts: Flask, HTML forms, sessions by cookie.

Run it by itself:

    DEMO_DATABASE=/tmp/shop.sqlite flask --app otel_eventlog_collector.demo.apps.shop run

It behaves like the sites that people really log in to: a wrong password is answered with 200 and
the form again, a bad magic link with a redirect, so that no HTTP status code tells what happened.
The reason gets into the event log in two ways. Most routes say it themselves (`tell_refused`).
Magic links and OAuth say nothing: for them `rules.toml` reads the outcome off the redirect.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

from flask import Flask, abort, jsonify, redirect, request, session
from flask.typing import ResponseReturnValue
from markupsafe import escape

from otel_eventlog_collector.demo.apps.accounts import (
    LINK_LIFETIME_S,
    Accounts,
    Refused,
    User,
)
from otel_eventlog_collector.demo.apps.tell import tell, tell_refused

DIRECTORY_ANSWERS_AFTER_S = {"acme": 0.2, "sleepy": 120.0}
"""How long each company's directory takes to answer: the second one is nearly out of order."""

logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line for every single request
app = Flask(__name__)
app.secret_key = os.environ.get("DEMO_SECRET_KEY") or secrets.token_hex()
accounts = Accounts(Path(os.environ.get("DEMO_DATABASE", "demo-shop.sqlite")))


# --- pages: no auth calls ---------------------------------------------------------------------


@app.get("/")
def home() -> str:
    """Show the shop's front page."""
    return _page("Welcome", '<a href="/login">Log in</a> or see our <a href="/offers">offers</a>')


@app.get("/offers")
def offers() -> str:
    """Show a page that has nothing to do with accounts."""
    return _page("Offers", "Tea, coffee, cups")


@app.get("/account")
def account() -> ResponseReturnValue:
    """Show the account page, or send to the login."""
    try:
        user = accounts.check_session(session.get("token"))
    except Refused:
        return redirect("/login")
    return _page("Your account", str(escape(user.email)))


@app.get("/mailbox/<email>")
def mailbox(email: str) -> ResponseReturnValue:
    """Show the mails that we would have sent."""
    return jsonify(accounts.mailbox(email))


# --- passwords --------------------------------------------------------------------------------


@app.get("/register")
@app.get("/login")
def form() -> str:
    """Show the form for e-mail address and password."""
    return _form()


@app.post("/register")
def register() -> ResponseReturnValue:
    """Create an account and log in."""
    try:
        user = accounts.register(request.form["email"], request.form["password"])
    except Refused as refused:
        tell_refused(refused)
        return _form("This e-mail address has an account already."), 409
    return _let_in(user)


@app.post("/login")
def login() -> ResponseReturnValue:
    """Log in with a password."""
    try:
        user = accounts.check_password(request.form["email"], request.form["password"])
    except Refused as refused:
        tell_refused(refused)
        return _form("Wrong e-mail address or password.")
    return _let_in(user)


@app.post("/password/reset")
def start_password_reset() -> ResponseReturnValue:
    """Mail a link with which to set a new password; strangers get the same answer."""
    user = accounts.find(request.form["email"])
    if user is not None:
        tell(user)
        link = f"/password/new?token={accounts.new_link(user)}"
        accounts.send_mail(user.email, "New password", link)
    return _page("Look into your mailbox", "If you have an account, a link is on its way.")


# --- magic links --------------------------------------------------------------------------------


@app.post("/magic-links/send")
def send_magic_link() -> ResponseReturnValue:
    """Mail a link that logs in; whoever has no account yet gets one."""
    user = accounts.find_or_create(request.form["email"])
    tell(user)
    lifetime_s = request.form.get("expires_in_s", LINK_LIFETIME_S, type=int)
    link = f"/magic-links/authenticate?token={accounts.new_link(user, lifetime_s)}"
    accounts.send_mail(user.email, "Log in to the shop", link)
    return _page("Look into your mailbox", "A link is on its way.")


@app.get("/magic-links/authenticate")
def use_magic_link() -> ResponseReturnValue:
    """Log in with a mailed link."""
    try:
        user = accounts.use_link(request.args["token"])
    except Refused as refused:
        return redirect(f"/login?error={refused.reason}")
    return _let_in(user)


# --- logging in with another site's account (OAuth) -------------------------------------------


@app.get("/oauth/google/start")
def start_oauth() -> ResponseReturnValue:
    """Send the browser to the identity provider."""
    session["oauth_state"] = secrets.token_urlsafe(16)
    back = {"redirect_uri": "/oauth/google/callback", "state": session["oauth_state"]}
    return redirect("/identity-provider/consent?" + urlencode(back))


@app.get("/oauth/google/callback")
def finish_oauth() -> ResponseReturnValue:
    """Log in whom the identity provider sent back."""
    if request.args.get("state") != session.pop("oauth_state", None):
        abort(400, "This answer belongs to no login of yours.")
    if "error" in request.args:
        return redirect("/login?error=" + quote(request.args["error"]))
    try:
        user = accounts.use_link(request.args["code"])
    except Refused:
        return redirect("/login?error=invalid_code")
    return _let_in(user)


@app.get("/identity-provider/consent")
def identity_provider() -> ResponseReturnValue:
    """Play the identity provider: whoever asks with `as` agrees, whoever asks without refuses.

    A real one is another site, and the shop would ask it what the code stands for.
    """
    answer = {"state": request.args["state"]}
    if "as" in request.args:
        answer["code"] = accounts.new_link(accounts.find_or_create(request.args["as"]))
    else:
        answer["error"] = "access_denied"
    return redirect(f"{request.args['redirect_uri']}?{urlencode(answer)}")


# --- single sign-on: asks a company's directory, which may be slow ----------------------------


@app.post("/sso/authenticate")
def single_sign_on() -> ResponseReturnValue:
    """Log in with a company account. An unknown company is a bug of ours: a KeyError, a 500."""
    company = request.form["company"]
    tell(organization=company)
    time.sleep(DIRECTORY_ANSWERS_AFTER_S[company])
    return _let_in(accounts.find_or_create(request.form["email"]))


# --- sessions -----------------------------------------------------------------------------------


@app.get("/session")
def check_session() -> ResponseReturnValue:
    """Tell a page's script who is logged in."""
    try:
        user = accounts.check_session(session.get("token"))
    except Refused as refused:
        tell_refused(refused)
        return jsonify(error=refused.reason), 401
    tell(user, session=session["token"])
    return jsonify(user_id=user.id)


@app.post("/logout")
def logout() -> ResponseReturnValue:
    """Log out; who was not logged in is logged out as well."""
    token = session.pop("token", None)
    with suppress(Refused):
        tell(accounts.close_session(token), session=token)
    return redirect("/")


def _let_in(user: User) -> ResponseReturnValue:
    session["token"] = accounts.open_session(user)
    tell(user, session=session["token"])
    return redirect("/account")


def _form(complaint: str = "") -> str:
    return _page(
        "Log in or register",
        f"<p>{escape(complaint)}</p><form method=post><input name=email type=email>"
        "<input name=password type=password><button>Go</button></form>",
    )


def _page(title: str, body: str) -> str:
    return f"<!doctype html><title>{escape(title)}</title><h1>{escape(title)}</h1>{body}"
