"""Flask-Security's signals. Its log-ins and log-outs also send those of flask-login."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_eventlog.signals import meaning
from otel_eventlog.signals.meaning import Counts, guarded, user_id_of


def _success(counts: Counts) -> Callable[..., None]:
    @guarded
    def succeeded(sender: object, *, user: object = None, **_: Any) -> None:
        del sender
        meaning.note_success(counts, user_id_of(user))

    return succeeded


@guarded
def _failed_authn(sender: object, *, user: object = None, tfa: bool = False, **_: Any) -> None:
    del sender
    reason = "invalid_code" if tfa else "invalid_credentials"
    meaning.note_failure(meaning.about_log_in, reason, user_id_of(user))


@guarded
def _not_registered(sender: object, **_: Any) -> None:
    # Sent where the answer is the same for everybody; who has the address is not told.
    del sender
    meaning.note_failure(meaning.about("Create"), "already_exists")


@guarded
def _unauthenticated(sender: object, **_: Any) -> None:
    del sender
    meaning.note_failure(meaning.anything, "unauthorized")


@guarded
def _token_sent(sender: object, *, user: object = None, **_: Any) -> None:
    del sender
    user_id = user_id_of(user)
    # During a log-in it is a code for the second factor: that says who, and nothing is over.
    meaning.note_user(meaning.is_log_in, user_id)
    meaning.note_success(meaning.about("Send", "LoginOr", "Start"), user_id)


_about_passwords = meaning.about("Reset", "Update")
_RECEIVERS: dict[str, Callable[..., None]] = {
    "change_email_confirmed": _success(meaning.about_anything_else),
    "login_instructions_sent": _success(meaning.anything),
    "password_changed": _success(_about_passwords),
    "password_reset": _success(_about_passwords),
    "reset_password_instructions_sent": _success(meaning.about("ResetStart")),
    "tf_disabled": _success(meaning.about_anything_else),
    "tf_profile_changed": _success(meaning.about_anything_else),
    "tf_security_token_sent": _token_sent,
    "us_profile_changed": _success(meaning.about_anything_else),
    "us_security_token_sent": _token_sent,
    "user_authenticated": _success(meaning.about_signed_in),
    "user_confirmed": _success(meaning.about_signed_in),
    "user_failed_authn": _failed_authn,
    "user_not_registered": _not_registered,
    "user_registered": _success(meaning.about("Create")),
    "user_unauthenticated": _unauthenticated,
    "username_changed": _success(meaning.about_anything_else),
    "wan_deleted": _success(meaning.about_anything_else),
    "wan_registered": _success(meaning.about_anything_else),
}


def connect_flask_security(signals: Any) -> None:
    """Connect to `flask_security.signals`."""
    for name, receiver in _RECEIVERS.items():
        signal = getattr(signals, name, None)  # not every version has every name
        if signal is not None:
            signal.connect(receiver, weak=False)
