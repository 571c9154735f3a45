"""What it means that a Flask application answered a log-in and no signal of success came.

flask-login sends no signal when a log-in fails, and the page that says so is answered with 200 or
302. But many a log-in without a signal has not failed: a second factor may be due, the user
may be signed in already, or the route may have nothing to do with flask-login. So a failure is
concluded only where the attempt left nothing behind (`_left_something`); in all other cases
nothing is said, and HTTP decides.

Flask-Security's own views are known one by one: which signal stands for which view's success.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from opentelemetry.trace import SpanKind

from otel_eventlog.model import Status
from otel_eventlog.signals import meaning
from otel_eventlog.tracking import Request, slot_of

_REDIRECTS = range(300, 400)
_ANSWERS = range(200, 400)
_BODY_BYTES_MAX = 65_536
"""Longest JSON answer that is looked into."""

_SECURITY_VIEWS = frozenset(
    {
        "change_password",
        "forgot_password",
        "login",
        "mf_recovery",
        "register",
        "reset_password",
        "two_factor_token_validation",
        "us_signin",
        "wan_signin_response",
    }
)
"""Views of Flask-Security that send a signal whenever a POST to them succeeds."""

_SECOND_FACTOR_VIEWS = frozenset(
    {"tf_select", "two_factor_setup", "two_factor_token_validation", "wan_signin"}
)
"""Where Flask-Security sends a user whose first factor was right."""

_SESSION_LEFTOVERS = frozenset(
    {"_flashes", "_fresh", "_id", "_permanent", "_remember", "_remember_seconds", "csrf_token"}
    | {"fs_cc", "fs_gexp", "fs_paa", "next", "_csrf_token", "locale", "lang", "language"}
)
"""Keys that a refused log-in may leave in a session: messages and book-keeping."""

_NAMING_FIELDS = frozenset(
    {"account", "email", "e-mail", "identifier", "identity", "login", "mail", "phone", "user"}
    | {"user_name", "username", "csrf_token", "_csrf_token", "next", "remember", "remember_me"}
    | {"button", "send", "submit"}
)
"""Fields of a form that say who somebody is and prove nothing."""

_QUERY_LEFTOVERS = frozenset({"next", "error", "message", "msg", "reason", "return_to", "failed"})
"""Query parameters of a redirect that may follow a refused log-in."""


def judge(app: Any, response: Any) -> None:
    """Look at a request that Flask has answered, for what signals did not say.

    Args:
        app: the Flask application that answered.
        response: its response.

    """
    slot = slot_of(None)
    if slot is not None and slot.request is None:
        return  # most requests: no auth call
    if not hasattr(app, "login_manager") or response is None:
        return
    request = meaning.request_for(meaning.anything)
    if request is None or request.span.kind is not SpanKind.SERVER:
        return
    flask: Any = sys.modules["flask"]
    action = "" if request.match is None else request.match.action
    if not meaning.is_log_in(action):
        # A user whom somebody asked for is known already; nobody is loaded for our sake.
        _note_signed_in(request, flask)
    if request.notes.signal is not None or request.notes.status is not None:
        return
    if flask.request.method != "POST" or response.status_code not in _ANSWERS:
        return
    view = _security_view(app, flask.request.endpoint)
    if view is not None:
        _judge_security(request, view, flask, response)
    elif meaning.is_log_in(action) and not _is_signed_in(flask):
        request.notes.signal_missing = (
            _is_page_or_redirect(response)
            and not _only_named_somebody(flask)
            and not _left_something(app, flask, response)
        )


def _note_signed_in(request: Request, flask: Any) -> None:
    user = flask.g.get("_login_user")
    if _is_somebody(user) and request.notes.signal_user_id is None:
        request.notes.signal_user_id = meaning.user_id_of(user)


def _is_signed_in(flask: Any) -> bool:
    """Whether somebody is: without a signal it was so before, and nothing was checked."""
    if flask.session.get("_user_id") is not None:
        return True
    return _is_somebody(flask.g.get("_login_user"))


def _is_somebody(user: Any) -> bool:
    """Whether a user object stands for a person.

    Not by `is_authenticated`, which asks whether the account is active: a column of the database
    that a commit has made forgotten, and that would be fetched again for our sake.
    """
    is_anonymous = getattr(user, "is_anonymous", user is None)
    return not (is_anonymous() if callable(is_anonymous) else is_anonymous)


# --- Flask-Security's own views -------------------------------------------------------------------


def _security_view(app: Any, endpoint: str | None) -> str | None:
    """Return which of Flask-Security's views answered, if one of those above did."""
    if endpoint is None or "security" not in app.extensions:
        return None
    blueprint, _, view = endpoint.rpartition(".")
    if blueprint != app.config.get("SECURITY_BLUEPRINT_NAME", "security"):
        return None
    return view if view in _SECURITY_VIEWS else None


def _judge_security(request: Request, view: str, flask: Any, response: Any) -> None:
    if _second_factor_is_due(view, flask, response):
        request.notes.signal = Status.SUCCESS
        request.notes.signal_next_step = "second_factor"
    elif _is_page(response) or view == "change_password" or not _is_signed_in(flask):
        # A page is the form once more, whoever is signed in.
        request.notes.signal_missing = True


def _second_factor_is_due(view: str, flask: Any, response: Any) -> bool:
    if "tf_user_id" not in flask.session:
        return False  # who is signed in already may be sent to set a second factor up
    if response.status_code in _REDIRECTS:
        target = _target(flask, response)
        endpoint = "" if target is None else target[0].rpartition(".")[2]
        # A passkey that was refused leads back to where passkeys are asked for.
        return endpoint in _SECOND_FACTOR_VIEWS and not view.startswith(endpoint)
    if not response.is_json or response.is_streamed or response.direct_passthrough:
        return False
    if (response.content_length or 0) > _BODY_BYTES_MAX:
        return False
    body = response.get_json(silent=True)
    inner = body.get("response") if isinstance(body, dict) else None
    return isinstance(inner, dict) and inner.get("tf_required") is True


# --- any other view -------------------------------------------------------------------------------


def _is_page(response: Any) -> bool:
    return response.status_code not in _REDIRECTS and response.mimetype == "text/html"


def _is_page_or_redirect(response: Any) -> bool:
    """Whether people were answered: an API that answers JSON says failure by its status."""
    return response.status_code in _REDIRECTS or _is_page(response)


def _only_named_somebody(flask: Any) -> bool:
    """Whether nothing was given that could be wrong: a link will be sent, a password asked for.

    Only the fields' names are looked at, and only where the view has read the form itself.
    """
    form = vars(flask.request._get_current_object()).get("form")  # noqa: SLF001 - as Flask's docs do
    return bool(form) and all(name.lower() in _NAMING_FIELDS for name in form)


def _left_something(app: Any, flask: Any, response: Any) -> bool:
    """Whether a log-in without a signal left anything that a next step could need.

    A pending second factor is remembered in the session, in a cookie or in the address of the next
    page; so is a log-in that does without flask-login. A refused one leaves a message at most.
    """
    return (
        _session_grew(app, flask)
        or _set_a_cookie(app, response)
        or (response.status_code in _REDIRECTS and _leads_on(flask, response))
    )


def _session_grew(app: Any, flask: Any) -> bool:
    session = flask.session
    if not getattr(session, "modified", True):
        return False
    keys = set(session) - _SESSION_LEFTOVERS - {app.config.get("WTF_CSRF_FIELD_NAME")}
    if not keys:
        return False
    interface = app.session_interface
    if type(interface) is not sys.modules["flask.sessions"].SecureCookieSessionInterface:
        return True  # what was in it before cannot be known without input and output
    return bool(keys.difference(interface.open_session(app, flask.request) or ()))


def _set_a_cookie(app: Any, response: Any) -> bool:
    own = (
        app.session_interface.get_cookie_name(app),
        app.config.get("REMEMBER_COOKIE_NAME", "remember_token"),
    )
    for cookie in response.headers.getlist("Set-Cookie"):
        pair = cookie.partition(";")[0]
        name, _, value = pair.partition("=")
        if value.strip('"') and name.strip() not in own and "csrf" not in name.lower():
            return True
    return False


def _leads_on(flask: Any, response: Any) -> bool:
    """Whether a redirect leads to another site, or carries something with it."""
    names = {name for name, _ in parse_qsl(urlsplit(response.location or "").query)}
    target = _target(flask, response)
    return target is None or bool(target[1]) or not names <= _QUERY_LEFTOVERS


def _target(flask: Any, response: Any) -> tuple[str, dict[str, Any]] | None:
    """Return endpoint and arguments of the page that a redirect leads to, if it is one of ours."""
    location = urlsplit(response.location or "")
    if location.netloc and location.netloc != flask.request.host:
        return None
    root = flask.request.script_root
    path = location.path.removeprefix(root) if root else location.path
    adapter = flask.current_app.url_map.bind_to_environ(flask.request.environ)
    if path == flask.request.path:
        return str(flask.request.endpoint), {}
    try:
        endpoint, arguments = adapter.match(path or "/", method="GET")
    except Exception:  # noqa: BLE001 - no page of this application, whatever the router says of it
        return None
    return str(endpoint), dict(arguments)
