"""Flask-Security, the real one: every flow that people use, compared with what really happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.builders import rule_set_with_packs
from tests.support.flask_security_app import (
    ADDRESS,
    PASSWORD,
    RULES,
    SECOND_FACTOR,
    SecurityApp,
    flask_security_app,
)
from tests.support.tracing import Tracing, tracing

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*:DeprecationWarning:(wtforms|flask_wtf|flask_security)"
)

RIGHT = {"email": ADDRESS, "password": PASSWORD}
WRONG = {"email": ADDRESS, "password": "hunter2hunter2"}
NOBODY = {"email": "nobody@example.com", "password": PASSWORD}
ADA = "42"
REFUSED = ("error", "signal", "refused")
SUCCESS = ("success", "signal", None)


@contextmanager
def shop(**config: Any) -> Iterator[tuple[Tracing, SecurityApp]]:
    """Run the application with the rules that its routes need."""
    with (
        tracing(rule_set_with_packs(RULES)) as traced,
        flask_security_app(traced, **config) as made,
    ):
        yield traced, made


def told(traced: Tracing) -> tuple[Any, ...]:
    """Return status, what decided, reason and who of the one outcome, and forget it."""
    event = traced.events.outcome()
    assert event.outcome_source is not None
    traced.events.assert_no_secret(PASSWORD, "hunter2", ADDRESS, "nobody")
    traced.events.clear()
    return event.status.value, event.outcome_source.value, event.error_type, event.user_id


def test_a_form_log_in() -> None:
    """Wrong password, unknown user, nothing filled in, right password, and once more."""
    with shop() as (traced, made):
        client = made.client()
        assert client.post("/login", data=WRONG).status_code == 200
        assert told(traced) == ("error", "signal", "invalid_credentials", ADA)
        assert client.post("/login", data=NOBODY).status_code == 200
        assert told(traced) == (*REFUSED, None)
        assert client.post("/login", data={}).status_code == 200
        assert told(traced) == (*REFUSED, None)
        assert client.post("/login", data=RIGHT).status_code == 302
        assert told(traced) == (*SUCCESS, ADA)
        assert client.post("/login", data=WRONG).status_code == 302
        assert told(traced) == ("success", "http", None, None)


def test_a_json_log_in() -> None:
    """The same by JSON, where HTTP tells most of it."""
    with shop() as (traced, made):
        client = made.client()
        assert client.post("/login", json=WRONG).status_code == 400
        assert told(traced) == ("error", "signal", "invalid_credentials", ADA)
        assert client.post("/login", json=NOBODY).status_code == 400
        assert told(traced) == ("error", "http", "invalid_request", None)
        assert client.post("/login", json=RIGHT).status_code == 200
        assert told(traced) == (*SUCCESS, ADA)
        assert client.post("/login", json=RIGHT).status_code == 400
        assert told(traced)[:2] == ("error", "http")


def test_a_form_shown_again_to_who_is_signed_in() -> None:
    """A page is the form once more: refused, whoever is signed in in this browser."""
    with shop() as (traced, made):
        client = made.client()
        client.post("/login", data=RIGHT)
        traced.events.clear()
        change = {"password": "hunter2", "new_password": "x", "new_password_confirm": "y"}
        assert client.post("/change", data=change).status_code == 200
        assert told(traced) == (*REFUSED, ADA)


def test_a_disabled_account() -> None:
    """The password is right, and the user is not let in."""
    with shop() as (traced, made):
        with made.app.app_context():
            store = made.app.extensions["security"].datastore
            store.deactivate_user(store.find_user(email=ADDRESS))
            store.commit()
        assert made.client().post("/login", data=RIGHT).status_code == 200
        assert told(traced) == (*REFUSED, None)


def test_log_out_and_pages_for_those_signed_in() -> None:
    """A log-out names its user; a page that needs one is refused, by 302, to all others."""
    with shop() as (traced, made):
        client = made.client()
        assert client.get("/profile").status_code == 302
        assert told(traced) == ("error", "signal", "unauthorized", None)
        client.post("/login", data=RIGHT)
        traced.events.clear()
        client.get("/profile")
        assert told(traced) == ("success", "http", None, ADA)
        assert client.post("/logout").status_code == 302
        assert told(traced) == (*SUCCESS, ADA)


def test_a_registration() -> None:
    """A new user is one, an address that is taken and a bad password are not: 302 against 200."""
    with shop() as (traced, made):
        new = {"email": "eve@example.com", "password": "x" * 12, "password_confirm": "x" * 12}
        assert made.client().post("/register", data=new).status_code == 302
        assert told(traced) == (*SUCCESS, "43")
        assert made.client().post("/register", data=new).status_code == 200
        assert told(traced) == (*REFUSED, None)
        assert made.client().post("/register", data=new | {"password": "x"}).status_code == 200
        assert told(traced) == (*REFUSED, None)


def test_a_registration_that_tells_nobody_anything() -> None:
    """The answer is the same for everybody; the event log knows that the address was taken."""
    taken = {"email": ADDRESS, "password": "x" * 12, "password_confirm": "x" * 12}
    with shop(return_generic_responses=True, confirmable=True) as (traced, made):
        assert made.client().post("/register", data=taken).status_code == 302
        assert told(traced) == ("error", "signal", "already_exists", None)


def test_a_forgotten_password() -> None:
    """Asked for, set anew, and asked for in vain; each a page whatever happened."""
    with shop() as (traced, made):
        client = made.client()
        assert client.post("/reset", data={"email": "nobody@example.com"}).status_code == 200
        assert told(traced) == (*REFUSED, None)
        assert client.post("/reset", data={"email": ADDRESS}).status_code in (200, 302)
        assert told(traced) == (*SUCCESS, ADA)
        token = made.mails[-1]["reset_token"]
        short = {"password": "x", "password_confirm": "x"}
        assert client.post(f"/reset/{token}", data=short).status_code == 200
        assert told(traced) == (*REFUSED, None)
        good = {"password": "y" * 12, "password_confirm": "y" * 12}
        assert client.post(f"/reset/{token}", data=good).status_code == 302
        traced.events.assert_no_secret(token)
        assert told(traced) == (*SUCCESS, ADA)
        assert made.client().post(f"/reset/{token}", data=good).status_code == 302
        assert told(traced) == (*REFUSED, None)


def test_a_password_change() -> None:
    """By its owner, who has to give the old one."""
    with shop() as (traced, made):
        client = made.client()
        client.post("/login", data=RIGHT)
        traced.events.clear()
        change = {"password": "hunter2", "new_password": "z" * 12, "new_password_confirm": "z" * 12}
        assert client.post("/change", data=change).status_code == 200
        assert told(traced) == (*REFUSED, ADA)
        assert client.post("/change", data=change | {"password": PASSWORD}).status_code == 302
        assert told(traced) == (*SUCCESS, ADA)


def next_step(traced: Tracing) -> tuple[str, str | None, str | None]:
    """Return status, next step and user of the one outcome, and forget it."""
    event = traced.events.outcome()
    traced.events.clear()
    return event.status.value, event.next_step, event.user_id


@pytest.mark.parametrize("how", ["data", "json"])
def test_a_second_factor(how: str) -> None:
    """A right password is a success with a step due; a code ends it, or does not."""
    with shop(**SECOND_FACTOR) as (traced, made):
        client = made.client()

        def post(path: str, form: dict[str, str]) -> int:
            answer: Any = client.post(path, **{how: form})
            return int(answer.status_code)

        # The first time, the factor has to be set up.
        post("/login", RIGHT)
        assert next_step(traced) == ("success", "second_factor", None)
        post("/tf-setup", {"setup": "email"})
        post("/tf-validate", {"code": made.mails[-1]["token"]})
        assert next_step(traced) == ("success", None, ADA)
        client.post("/logout")
        traced.events.clear()
        # From then on a code is sent at once.
        post("/login", RIGHT)
        assert next_step(traced) == ("success", "second_factor", ADA)
        post("/tf-validate", {"code": "000000"})
        assert told(traced) == ("error", "signal", "invalid_code", ADA)
        # A wrong password, while the session still remembers that step.
        post("/login", WRONG)
        assert told(traced) == ("error", "signal", "invalid_credentials", ADA)
        post("/login", RIGHT)
        traced.events.clear()
        post("/tf-validate", {"code": made.mails[-1]["token"]})
        assert told(traced) == (*SUCCESS, ADA)


def test_who_is_signed_in_and_sent_to_a_second_factor_was_not_checked() -> None:
    """The page after a log-in may be the one that sets a second factor up."""
    optional = SECOND_FACTOR | {"two_factor_required": False, "post_login_view": "/tf-setup"}
    with shop(**optional) as (traced, made):
        client = made.client()
        client.post("/login", data=RIGHT)
        assert next_step(traced) == ("success", None, ADA)
        assert client.post("/login", data=RIGHT).location == "/tf-setup"
        assert told(traced) == ("success", "http", None, None)


def test_unified_sign_in() -> None:
    """Ask for a code and sign in with it, or with the password: each has its own signal."""
    factors = {name: SECOND_FACTOR[name] for name in ("totp_issuer", "totp_secrets")}
    methods = ["password", "email"]
    with shop(unified_signin=True, us_enabled_methods=methods, **factors) as (traced, made):
        with made.app.app_context():
            security = made.app.extensions["security"]
            user = security.datastore.find_user(email=ADDRESS)
            security.datastore.us_set(user, "email", security.totp_factory.generate_totp_secret())
            security.datastore.commit()
        client = made.client()
        ask = {"identity": ADDRESS, "chosen_method": "email"}
        client.post("/us-signin/send-code", json=ask)
        assert told(traced) == (*SUCCESS, ADA)
        assert client.post("/us-signin", data={"identity": ADDRESS, "passcode": "000000"})
        assert told(traced) == ("error", "signal", "invalid_credentials", ADA)
        code = made.mails[-1]["token"]
        client.post("/us-signin", data={"identity": ADDRESS, "passcode": code})
        traced.events.assert_no_secret(code)
        assert told(traced) == (*SUCCESS, ADA)
        other = made.client()
        other.post("/us-signin", data={"identity": "nobody", "passcode": PASSWORD})
        assert told(traced) == (*REFUSED, None)
