"""What people do with the mobile app: one function a visit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_eventlog_collector.demo.crowd.ledger import Intent
from otel_eventlog_collector.demo.crowd.visitor import Visitor

CODE_TRIES_MAX = 3
"""How many wrong codes the app takes before it takes none at all."""
REGISTERED = Intent("CreateUser", "success", 201)
LOGGED_IN = Intent("PasswordsAuthenticate", "success", 200)
HALF_LOGGED_IN = Intent("PasswordsAuthenticate", "success", 202, next_step="second_factor")
WRONG = Intent("PasswordsAuthenticate", "error", 401, error_type="invalid_credentials")
STRANGER = Intent("PasswordsAuthenticate", "error", 401, error_type="user_not_found")
CODE_SENT = Intent("OTPsEmailLoginOrCreate", "success", 202)
CODE_RIGHT = Intent("OTPsAuthenticate", "success", 200)
CODE_WRONG = Intent("OTPsAuthenticate", "error", 401, error_type="invalid_code")
CODE_TOO_OFTEN = Intent("OTPsAuthenticate", "error", 429, error_type="rate_limited")
SESSION = Intent("SessionsAuthenticate", "success", 200)
NO_SESSION = Intent(
    "SessionsAuthenticate", "error", 401, error_type="session_not_found", anonymous=True
)
LOGGED_OUT = Intent("SessionsRevoke", "success", 204)
NOT_LOGGED_OUT = Intent(
    "SessionsRevoke", "error", 401, error_type="session_not_found", anonymous=True
)
RESET_STARTED = Intent("PasswordsEmailResetStart", "success", 202)


def register_and_log_in(visitor: Visitor) -> None:
    """Register, log out, log in with the wrong and the right password."""
    visitor.look("/api/offers")
    token = _token(visitor, _post(visitor, REGISTERED, "/api/register", _credentials(visitor)))
    visitor.attempt(SESSION, "GET", "/api/session", token=token)
    visitor.attempt(LOGGED_OUT, "POST", "/api/logout", token=token)
    visitor.attempt(NO_SESSION, "GET", "/api/session", token=token)
    wrong = {"email": visitor.email, "password": "not this one"}
    _post(visitor, WRONG, "/api/login", wrong)
    _post(visitor, LOGGED_IN, "/api/login", _credentials(visitor))
    taken = Intent("CreateUser", "error", 409, error_type="already_exists", anonymous=True)
    _post(visitor, taken, "/api/register", _credentials(visitor))


def guess_a_stranger(visitor: Visitor) -> None:
    """Log in to an account that does not exist, send half a form, invent a session."""
    _post(visitor, STRANGER, "/api/login", _credentials(visitor))
    half = Intent("PasswordsAuthenticate", "error", 422, anonymous=True)
    _post(visitor, half, "/api/login", {"email": visitor.email})
    visitor.attempt(NO_SESSION, "GET", "/api/session", token="made-up")  # noqa: S106
    visitor.attempt(NOT_LOGGED_OUT, "POST", "/api/logout")
    visitor.look("/api/nowhere", answer=404)
    _post(visitor, RESET_STARTED, "/api/password-reset", {"email": visitor.email})


def log_in_with_a_code(visitor: Visitor) -> None:
    """Have a code sent, mistype it, type it right."""
    method_id = _method_id(_post(visitor, CODE_SENT, "/api/otp/send", {"email": visitor.email}))
    code = _mailed_code(visitor)
    _enter(visitor, CODE_WRONG, method_id, _other(code))
    token = _token(visitor, _enter(visitor, CODE_RIGHT, method_id, code))
    visitor.attempt(SESSION, "GET", "/api/session", token=token)
    visitor.attempt(LOGGED_OUT, "POST", "/api/logout", token=token)


def guess_codes(visitor: Visitor) -> None:
    """Guess a code until the app has had enough, then type the right one: too late."""
    method_id = _method_id(_post(visitor, CODE_SENT, "/api/otp/send", {"email": visitor.email}))
    code = _mailed_code(visitor)
    for _ in range(CODE_TRIES_MAX):
        _enter(visitor, CODE_WRONG, method_id, _other(code))
    _enter(visitor, CODE_TOO_OFTEN, method_id, code)


def log_in_with_two_factors(visitor: Visitor) -> None:
    """Log in with a password and then a code."""
    account = {**_credentials(visitor), "second_factor": True}
    _token(visitor, _post(visitor, REGISTERED, "/api/register", account))
    method_id = _method_id(_post(visitor, HALF_LOGGED_IN, "/api/login", _credentials(visitor)))
    token = _token(visitor, _enter(visitor, CODE_RIGHT, method_id, _mailed_code(visitor)))
    visitor.attempt(SESSION, "GET", "/api/session", token=token)
    _post(visitor, RESET_STARTED, "/api/password-reset", {"email": visitor.email})


MOBILE_VISITS: tuple[Callable[[Visitor], None], ...] = (
    register_and_log_in,
    log_in_with_two_factors,
    log_in_with_a_code,
    guess_codes,
    guess_a_stranger,
)


def _credentials(visitor: Visitor) -> dict[str, str]:
    return {"email": visitor.email, "password": visitor.password}


def _post(visitor: Visitor, intent: Intent, path: str, body: dict[str, Any]) -> Any:
    """Send JSON and return the JSON that comes back."""
    response = visitor.attempt(intent, "POST", path, json=body)
    visitor.pause()
    return response.json() or {}


def _enter(visitor: Visitor, intent: Intent, method_id: str, code: str) -> Any:
    return _post(visitor, intent, "/api/otp/authenticate", {"method_id": method_id, "code": code})


def _token(visitor: Visitor, answer: dict[str, Any]) -> str:
    """Return the session's token, and remember who one is."""
    visitor.user_id = answer["user_id"]
    return str(answer["session_token"])


def _method_id(answer: dict[str, Any]) -> str:
    return str(answer["method_id"])


def _mailed_code(visitor: Visitor) -> str:
    return visitor.newest_mail("/api/mailbox")


def _other(code: str) -> str:
    """Return a code that is certainly wrong."""
    return f"{(int(code) + 1) % 10**6:06d}"
