"""Django's signals of log-in, failed log-in and log-out."""

from __future__ import annotations

from typing import Any

from otel_eventlog.signals import meaning
from otel_eventlog.signals.meaning import guarded, user_id_of

_UID = "otel_eventlog"


@guarded
def _logged_in(sender: object, *, user: object = None, **_: Any) -> None:
    del sender
    meaning.note_success(meaning.about_signed_in, user_id_of(user))


@guarded
def _login_failed(sender: object, **_: Any) -> None:
    # The credentials in it hold the name that was typed: no id, and not looked at.
    del sender
    meaning.note_failure(meaning.about_log_in, "invalid_credentials")


@guarded
def _logged_out(sender: object, *, user: object = None, **_: Any) -> None:
    del sender
    meaning.note_success(meaning.about_session_end, user_id_of(user))


def connect_django(signals: Any) -> None:
    """Connect to `django.contrib.auth.signals`."""
    signals.user_logged_in.connect(_logged_in, weak=False, dispatch_uid=_UID)
    signals.user_login_failed.connect(_login_failed, weak=False, dispatch_uid=_UID)
    signals.user_logged_out.connect(_logged_out, weak=False, dispatch_uid=_UID)
