"""flask-login: success by its signals, failure by their absence, and where absence says nothing."""

from __future__ import annotations

import os
from typing import Any

import flask
import flask_login
import pytest

from otel_eventlog import current_action
from otel_eventlog.model import EventLog
from tests.support.builders import rule_set
from tests.support.flask_login_app import (
    PAGE,
    PASSWORD,
    USERS,
    back_to_login,
    credentials_are_right,
    flask_login_app,
    page_again,
)
from tests.support.tracing import Tracing, tracing

RIGHT = {"user": "ada", "password": PASSWORD}
WRONG = {"user": "ada", "password": "hunter2"}
ME = '[[rule]]\nname = "me"\naction = "SessionsAuthenticate"\nmethod = "GET"\nroute = "/me"\n'


def told(event: EventLog) -> tuple[Any, ...]:
    """Return what a test is about: status, what decided, reason, who."""
    source = None if event.outcome_source is None else event.outcome_source.value
    return event.status.value, source, event.error_type, event.user_id


def outcome_of(traced: Tracing) -> tuple[Any, ...]:
    """Return the one outcome, and forget it."""
    found = told(traced.events.outcome())
    traced.events.assert_no_secret(PASSWORD, "hunter2")
    traced.events.clear()
    return found


@pytest.mark.parametrize("view", [page_again, back_to_login])
def test_right_and_wrong_passwords_are_told_apart(view: Any) -> None:
    """Whatever HTTP says, 200 or 302: the signal is the success, its absence the failure."""
    with tracing() as traced, flask_login_app(traced, view) as app:
        client = app.test_client()
        assert client.post("/login", data=WRONG).status_code in (200, 302)
        assert outcome_of(traced) == ("error", "signal", "refused", None)
        assert client.post("/login", data=RIGHT).status_code == 302
        assert outcome_of(traced) == ("success", "signal", None, "u-ada")


def test_a_log_out_is_a_success_with_its_user() -> None:
    """Signals say who logged out; logging out of nothing is decided by HTTP."""
    with tracing() as traced, flask_login_app(traced) as app:
        client = app.test_client()
        client.post("/login", data=RIGHT)
        traced.events.clear()
        client.post("/logout")
        assert outcome_of(traced) == ("success", "signal", None, "u-ada")


def test_who_is_signed_in_already_was_not_refused() -> None:
    """Nothing was checked, so nothing is concluded; by session and by remember cookie."""
    with tracing() as traced, flask_login_app(traced, back_to_login) as app:
        client = app.test_client()
        client.post("/login", data=RIGHT)
        traced.events.clear()
        client.post("/login", data=RIGHT)
        assert outcome_of(traced) == ("success", "http", None, None)
        with client.session_transaction() as session:
            session.clear()
        client.post("/login", data=RIGHT)
        assert outcome_of(traced) == ("success", "http", None, None)


def second_factor_in_session() -> Any:
    """Check the password, and remember in the session who has to show a second factor."""
    if not credentials_are_right():
        flask.flash("no")
        return flask.redirect("/login")
    flask.session["pending_user"] = flask.request.form["user"]
    return flask.redirect("/")


def second_factor_page() -> Any:
    """Check the password, and answer with the page for the second factor."""
    if not credentials_are_right():
        return PAGE
    flask.session["pending_user"] = flask.request.form["user"]
    return PAGE


def second_factor_in_path() -> Any:
    """Check the password, and put a signed token into the next page's path."""
    right = credentials_are_right()
    return flask.redirect("/second/sgndtkn" if right else "/login")


def second_factor_in_query() -> Any:
    """Check the password, and put a signed token into the next page's query."""
    return flask.redirect("/?token=sgndtkn" if credentials_are_right() else "/login?error=1")


def second_factor_elsewhere() -> Any:
    """Check the password, and go on at another site."""
    right = credentials_are_right()
    return flask.redirect("https://sso.example/step" if right else "/login")


def second_factor_in_another_program() -> Any:
    """Check the password, and go on at a page of this site that another program answers."""
    return flask.redirect("/app/second" if credentials_are_right() else "/login")


def log_in_by_cookie() -> Any:
    """Log in without flask-login: by a cookie of its own."""
    response = flask.redirect("/")
    if credentials_are_right():
        response.set_cookie("access_token", "jwt.jwt.jwt")
    return response


def log_in_by_own_session() -> Any:
    """Log in without flask-login: by an entry of its own in the session."""
    if credentials_are_right():
        flask.session["staff"] = True
    return flask.redirect("/")


@pytest.mark.parametrize(
    "view",
    [
        second_factor_in_session,
        second_factor_page,
        second_factor_in_path,
        second_factor_in_query,
        second_factor_elsewhere,
        second_factor_in_another_program,
        log_in_by_cookie,
        log_in_by_own_session,
    ],
)
def test_a_log_in_that_left_something_was_not_refused(view: Any) -> None:
    """What a next step needs is left in session, cookie or address; a refusal leaves none."""
    with tracing() as traced, flask_login_app(traced, view) as app:
        assert app.test_client().post("/login", data=RIGHT).status_code in (200, 302)
        assert outcome_of(traced) == ("success", "http", None, None)
        app.test_client().post("/login", data=WRONG)
        assert outcome_of(traced) == ("error", "signal", "refused", None)


def test_who_only_gave_a_name_was_not_refused() -> None:
    """A link is sent, or the password asked for next: nothing was given that could be wrong."""

    def send_link() -> Any:
        flask.flash(f"A link was sent to {flask.request.form['email']}.")
        return PAGE

    with tracing() as traced, flask_login_app(traced, send_link) as app:
        client = app.test_client()
        client.post("/login", data={"Email": "a@example.com", "email": "a@example.com", "next": ""})
        assert outcome_of(traced) == ("success", "http", None, None)
        client.post("/login", data={"email": "a@example.com", "password": "hunter2"})
        assert outcome_of(traced) == ("error", "signal", "refused", None)


def test_a_form_that_the_view_has_not_read_is_not_read_for_us() -> None:
    """What is left unread of a request stays so."""
    unread: list[int] = []

    def answer() -> Any:
        request = flask.request
        stream = request.environ["wsgi.input"]
        flask.request_tearing_down.connect(
            lambda *_, **__: unread.append(len(stream.read())), app, weak=False
        )
        return PAGE

    with tracing() as traced, flask_login_app(traced, answer) as app:
        app.test_client().post("/login", data={"email": "a@example.com"})
        assert unread == [len("email=a@example.com")]
        assert outcome_of(traced) == ("error", "signal", "refused", None)


def test_what_was_in_the_session_before_is_nothing_left_behind() -> None:
    """A second factor remembered by an earlier attempt does not hide a later failure."""
    with tracing() as traced, flask_login_app(traced, second_factor_in_session) as app:
        client = app.test_client()
        client.post("/login", data=RIGHT)
        traced.events.clear()
        client.post("/login", data=WRONG)
        assert outcome_of(traced) == ("error", "signal", "refused", None)


def test_a_json_api_in_the_same_application_speaks_by_status() -> None:
    """Its tokens are nothing that flask-login knows: 200 is a success, 401 an error."""

    def token() -> Any:
        right = credentials_are_right()
        return ({"token": "abc"}, 200) if right else ({"error": "no"}, 401)

    with tracing() as traced, flask_login_app(traced, token=token) as app:
        client = app.test_client()
        client.post("/token", data=RIGHT)
        assert outcome_of(traced) == ("success", "http", None, None)
        client.post("/token", data=WRONG)
        assert outcome_of(traced) == ("error", "http", "unauthorized", None)


@pytest.mark.parametrize("path", ["register", "forgot-password", "refresh"])
def test_absence_says_nothing_of_other_actions(path: str) -> None:
    """flask-login sends no signal for them, so that none came means nothing."""
    with tracing() as traced, flask_login_app(traced, **{path: lambda: PAGE}) as app:
        app.test_client().post(f"/{path}")
        assert outcome_of(traced)[:2] == ("success", "http")


def test_absence_says_nothing_where_a_page_is_fetched() -> None:
    """A rule that takes GET as well does not make a failure of the log-in page."""
    rules = rule_set('[[rule]]\nname="x"\naction="PasswordsAuthenticate"\nroute="/login"\n')
    with tracing(rules) as traced, flask_login_app(traced) as app:
        app.test_client().get("/login")
        assert outcome_of(traced)[:2] == ("success", "http")


def test_a_database_is_not_asked_who_is_signed_in() -> None:
    """Whether an account is active is a column that may have to be fetched once more."""

    class Forgotten(flask_login.UserMixin):
        id = "u-ada"

        @property
        def is_active(self) -> bool:
            raise AssertionError("fetched")

    def change_password() -> str:
        flask.g._login_user = Forgotten()
        return "changed"

    rule = '[[rule]]\nname = "c"\naction = "PasswordsUpdate"\nroute = "/change"\n'
    with tracing(rule_set(rule)) as traced, flask_login_app(traced, change=change_password) as app:
        app.test_client().post("/change")
        assert outcome_of(traced) == ("success", "http", None, "u-ada")


def test_absence_is_asked_last() -> None:
    """The rule's own condition, the application's word and an HTTP error say more than silence."""

    def say() -> Any:
        current_action().succeed(next_step="second_factor")
        return PAGE

    def throttled() -> Any:
        return PAGE, 429

    rule = '[[rule]]\nname = "x"\naction = "PasswordsAuthenticate"\nroute = "/login"\n'
    rule += '[[rule.outcome]]\nwhen = { status = 200 }\nstatus = "error"\nerror_type = "no_luck"\n'
    with tracing(rule_set(rule)) as traced, flask_login_app(traced) as app:
        app.test_client().post("/login", data=WRONG)
        assert outcome_of(traced) == ("error", "rule", "no_luck", None)
    with tracing() as traced, flask_login_app(traced, say) as app:
        app.test_client().post("/login", data=WRONG)
        assert outcome_of(traced) == ("success", "app", None, None)
    with tracing() as traced, flask_login_app(traced, throttled) as app:
        app.test_client().post("/login", data=WRONG)
        assert outcome_of(traced) == ("error", "http", "rate_limited", None)


def test_an_application_without_a_login_manager_is_left_alone() -> None:
    """flask-login is imported in this process, but not what this application uses."""
    with tracing() as traced, flask_login_app(traced, lambda: PAGE) as app:
        del app.login_manager  # type: ignore[attr-defined]
        app.test_client().post("/login", data=RIGHT)
        assert outcome_of(traced) == ("success", "http", None, None)


def test_who_is_signed_in_and_out_again_was_refused() -> None:
    """An account that may not log in: the view signs in first and thinks better of it."""

    def log_in() -> Any:
        flask_login.login_user(USERS["ada"])
        flask_login.logout_user()
        return PAGE

    with tracing() as traced, flask_login_app(traced, log_in) as app:
        app.test_client().post("/login", data=RIGHT)
        assert outcome_of(traced) == ("error", "signal", "refused", "u-ada")


def test_a_session_that_ends_before_a_log_in_is_not_its_failure() -> None:
    """A view that signs everybody out first, and then in."""

    def log_in() -> Any:
        flask_login.logout_user()
        flask_login.login_user(USERS[flask.request.form["user"]])
        return flask.redirect("/")

    with tracing() as traced, flask_login_app(traced, log_in) as app:
        client = app.test_client()
        for user in ("ada", "grace"):
            client.post("/login", data={"user": user})
            assert outcome_of(traced) == ("success", "signal", None, f"u-{user}")


def test_a_session_that_ends_before_a_second_factor_is_nobodys_failure() -> None:
    """Who was signed in is signed out, and another user's second factor is due."""

    def log_in() -> Any:
        if flask.request.form["user"] == "grace":
            return page_again()
        flask_login.logout_user()
        flask.session["pending_user"] = "ada"
        return PAGE

    with tracing() as traced, flask_login_app(traced, log_in) as app:
        client = app.test_client()
        client.post("/login", data=RIGHT | {"user": "grace"})
        traced.events.clear()
        client.post("/login", data=RIGHT)
        assert outcome_of(traced)[:3] == ("success", "http", None)


def test_a_session_that_ends_is_no_success_of_other_actions() -> None:
    """A registration that signs out whoever was signed in has not succeeded by that."""

    def register() -> Any:
        flask_login.logout_user()
        return PAGE

    with tracing() as traced, flask_login_app(traced, register=register) as app:
        client = app.test_client()
        client.post("/login", data=RIGHT)
        traced.events.clear()
        client.post("/register")
        assert outcome_of(traced)[:2] == ("success", "http")


def test_the_last_signal_holds() -> None:
    """Signed in, and then refused by the same view: refused."""

    def log_in() -> Any:
        flask_login.login_user(USERS["ada"])
        return flask.current_app.login_manager.unauthorized()  # type: ignore[attr-defined]

    with tracing() as traced, flask_login_app(traced, log_in) as app:
        app.test_client().post("/login", data=RIGHT)
        assert outcome_of(traced) == ("error", "signal", "unauthorized", "u-ada")


def test_a_session_check_that_is_sent_to_the_log_in_page_is_an_error() -> None:
    """302 to everybody who is not signed in; who is, is named without a word of the view."""
    with tracing(rule_set(ME)) as traced, flask_login_app(traced) as app:
        client = app.test_client()
        assert client.get("/me").status_code == 302
        assert outcome_of(traced) == ("error", "signal", "unauthorized", None)
        client.post("/login", data=RIGHT)
        client.get("/me")
        assert outcome_of(traced) == ("success", "http", None, "u-ada")


def test_what_the_application_says_of_the_user_outranks_the_signal() -> None:
    """Beside the span or on it."""

    def log_in() -> Any:
        flask_login.login_user(USERS["ada"])
        current_action().set_user("own-7")
        return flask.redirect("/")

    with tracing() as traced, flask_login_app(traced, log_in) as app:
        app.test_client().post("/login", data=RIGHT)
        assert outcome_of(traced) == ("success", "signal", None, "own-7")


def test_signals_outside_of_any_request_do_nothing() -> None:
    """A log-in on a route that no rule knows, or with event logs off, is as it always was."""

    def elsewhere() -> Any:
        flask_login.login_user(USERS["ada"])
        return "done"

    with tracing() as traced, flask_login_app(traced, elsewhere=elsewhere) as app:
        assert app.test_client().post("/elsewhere").status_code == 200
        assert len(traced.events) == 0
    with tracing() as traced, flask_login_app(traced, elsewhere=elsewhere) as app:
        traced.provider.shutdown()
        os.environ.pop("OTEL_EVENTLOG_RAISE")
        assert app.test_client().post("/elsewhere").status_code == 200
