"""What people do in the shop: one function a visit, each from the front door to the end."""

from __future__ import annotations

import time
from collections.abc import Callable

from otel_eventlog_collector.demo.crowd.ledger import Intent
from otel_eventlog_collector.demo.crowd.visitor import Visitor

SHORT_LINK_LIFETIME_S = 1
AGAIN = Intent("PasswordsAuthenticate", "error", 200, error_type="invalid_credentials")
STRANGER = Intent("PasswordsAuthenticate", "error", 200, error_type="user_not_found")
LOGGED_IN = Intent("PasswordsAuthenticate", "success", 302, "/account")
LINK_SENT = Intent("MagicLinksEmailLoginOrCreate", "success", 200)
RESET_STARTED = Intent("PasswordsEmailResetStart", "success", 200)
TO_PROVIDER = Intent("OAuthGoogleStart", "success", 302, "/identity-provider/consent")
FROM_PROVIDER = Intent("OAuthAuthenticate", "success", 302, "/account")
LOGGED_OUT = Intent("SessionsRevoke", "success", 302, "/")
NO_SESSION = Intent(
    "SessionsAuthenticate", "error", 401, error_type="session_not_found", anonymous=True
)
SSO = Intent("SSOAuthenticate", "success", 302, "/account")
SSO_BROKEN = Intent("SSOAuthenticate", "error", 500, anonymous=True)
SSO_CRASH = Intent("SSOAuthenticate", "crash", None)


def register_and_log_in(visitor: Visitor) -> None:
    """Register, leave, come back: first with the wrong password, then with the right one."""
    visitor.look("/")
    visitor.look("/account", answer=302, location="/login")
    visitor.look("/register")
    _register(visitor)
    _log_out(visitor)
    visitor.attempt(NO_SESSION, "GET", "/session")
    visitor.look("/login")
    _log_in(visitor, AGAIN, visitor.password + "x")
    _log_in(visitor, LOGGED_IN, visitor.password)
    _check_session(visitor)
    visitor.look("/offers")
    _log_out(visitor)


def register_twice(visitor: Visitor) -> None:
    """Register, forget about it, register once more."""
    _register(visitor)
    _log_out(visitor)
    taken = Intent("CreateUser", "error", 409, error_type="already_exists", anonymous=True)
    visitor.attempt(taken, "POST", "/register", form=_credentials(visitor, visitor.password))


def guess_a_stranger(visitor: Visitor) -> None:
    """Log in to an account that does not exist, and send half a form."""
    visitor.look("/login")
    _log_in(visitor, STRANGER, visitor.password)
    half = Intent("PasswordsAuthenticate", "error", 400)
    visitor.attempt(half, "POST", "/login", form={"email": visitor.email})
    visitor.look("/nowhere", answer=404)


def forget_the_password(visitor: Visitor) -> None:
    """Have a reset link sent, as a stranger and as a user."""
    visitor.attempt(RESET_STARTED, "POST", "/password/reset", form={"email": visitor.email})
    _register(visitor)
    _check_session(visitor)
    _log_out(visitor)
    _log_in(visitor, AGAIN, "was it this one?")
    visitor.attempt(RESET_STARTED, "POST", "/password/reset", form={"email": visitor.email})


def use_a_magic_link(visitor: Visitor) -> None:
    """Log in with a link, open it once more, open one that nobody sent."""
    visitor.attempt(LINK_SENT, "POST", "/magic-links/send", form={"email": visitor.email})
    link = visitor.newest_mail("/mailbox")
    visitor.pause()
    visitor.attempt(Intent("MagicLinksAuthenticate", "success", 302, "/account"), "GET", link)
    _check_session(visitor)
    visitor.attempt(_bad_link("already_used"), "GET", link)
    visitor.attempt(_bad_link("invalid_token"), "GET", "/magic-links/authenticate?token=guessed")


def open_a_magic_link_late(visitor: Visitor) -> None:
    """Open a link only when it has expired."""
    form = {"email": visitor.email, "expires_in_s": str(SHORT_LINK_LIFETIME_S)}
    visitor.attempt(LINK_SENT, "POST", "/magic-links/send", form=form)
    link = visitor.newest_mail("/mailbox")
    time.sleep(SHORT_LINK_LIFETIME_S + 0.2)
    visitor.attempt(_bad_link("expired"), "GET", link)


def log_in_elsewhere(visitor: Visitor) -> None:
    """Log in with the account of another site: refuse first, then agree."""
    denied = Intent("OAuthAuthenticate", "error", 302, "/login?", error_type="access_denied")
    _oauth(visitor, denied, agree=False)
    _oauth(visitor, FROM_PROVIDER, agree=True)
    _check_session(visitor)
    forged = Intent("OAuthAuthenticate", "error", 400, anonymous=True)
    visitor.attempt(forged, "GET", "/oauth/google/callback?code=stolen&state=made-up")


def log_in_with_the_company(visitor: Visitor) -> None:
    """Log in with a company account, then one of a company that the shop has forgotten."""
    form = {"email": visitor.email, "company": "acme"}
    visitor.attempt(SSO, "POST", "/sso/authenticate", form=form)
    _check_session(visitor)
    form["company"] = "forgotten"
    visitor.attempt(SSO_BROKEN, "POST", "/sso/authenticate", form=form)


SHOP_VISITS: tuple[Callable[[Visitor], None], ...] = (
    register_and_log_in,
    open_a_magic_link_late,
    use_a_magic_link,
    log_in_elsewhere,
    guess_a_stranger,
    forget_the_password,
    log_in_with_the_company,
    register_twice,
)


def _bad_link(error_type: str) -> Intent:
    place = f"/login?error={error_type}"
    return Intent("MagicLinksAuthenticate", "error", 302, place, error_type, anonymous=True)


def _credentials(visitor: Visitor, password: str) -> dict[str, str]:
    return {"email": visitor.email, "password": password}


def _register(visitor: Visitor) -> None:
    wanted = Intent("CreateUser", "success", 302, "/account")
    visitor.attempt(wanted, "POST", "/register", form=_credentials(visitor, visitor.password))
    visitor.pause()


def _log_in(visitor: Visitor, intent: Intent, password: str) -> None:
    visitor.attempt(intent, "POST", "/login", form=_credentials(visitor, password))
    visitor.pause()


def _log_out(visitor: Visitor) -> None:
    visitor.attempt(LOGGED_OUT, "POST", "/logout")
    visitor.pause()


def _check_session(visitor: Visitor) -> None:
    """Ask who one is, and remember it."""
    response = visitor.attempt(Intent("SessionsAuthenticate", "success", 200), "GET", "/session")
    visitor.user_id = response.json()["user_id"]
    visitor.pause()


def _oauth(visitor: Visitor, intent: Intent, *, agree: bool) -> None:
    sent = visitor.attempt(TO_PROVIDER, "GET", "/oauth/google/start")
    visitor.pause()
    consent = sent.headers["location"] + (f"&as={visitor.email}" if agree else "")
    back = visitor.look(consent, answer=302, location="/oauth/google/callback")
    visitor.attempt(intent, "GET", back.headers["location"])
