"""flask-login's signals, and what it means that none came."""

from __future__ import annotations

import sys
from typing import Any

from otel_eventlog.outcome import REFUSED
from otel_eventlog.signals import absence, meaning
from otel_eventlog.signals.meaning import guarded, user_id_of


@guarded
def _logged_in(sender: object, *, user: object = None, **_: Any) -> None:
    del sender
    meaning.note_success(meaning.about_signed_in, user_id_of(user))


@guarded
def _login_confirmed(sender: object, **_: Any) -> None:
    del sender
    meaning.note_success(meaning.about_signed_in)


@guarded
def _logged_out(sender: object, *, user: object = None, **_: Any) -> None:
    del sender
    user_id = user_id_of(user)
    meaning.note_success(meaning.about_session_end, user_id)
    request = meaning.request_for(meaning.is_log_in)
    if request is not None and request.notes.signal_user_id == user_id is not None:
        # Signed in and out again by the same request: the application thought better of it.
        meaning.note_failure(meaning.is_log_in, REFUSED)


@guarded
def _unauthorized(sender: object, **_: Any) -> None:
    del sender
    meaning.note_failure(meaning.anything, "unauthorized")


@guarded
def _needs_refresh(sender: object, **_: Any) -> None:
    del sender
    meaning.note_failure(meaning.anything, "reauthentication_required")


@guarded
def _request_finished(sender: Any, *, response: Any = None, **_: Any) -> None:
    absence.judge(sender, response)


_RECEIVERS = {
    "user_logged_in": _logged_in,
    "user_login_confirmed": _login_confirmed,
    "user_logged_out": _logged_out,
    "user_unauthorized": _unauthorized,
    "user_needs_refresh": _needs_refresh,
}


def connect_flask_login(signals: Any) -> None:
    """Connect to `flask_login.signals`, and to Flask's own signal at a request's end."""
    for name, receiver in _RECEIVERS.items():
        signal = getattr(signals, name, None)  # not every version has every name
        if signal is not None:
            signal.connect(receiver, weak=False)
    sys.modules["flask"].request_finished.connect(_request_finished, weak=False)
