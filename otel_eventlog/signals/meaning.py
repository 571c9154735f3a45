"""Which request a signal is about, and what it says of it.

A signal counts only for actions that it can be about: a session that ends during a log-in is not
the log-in's success. A signal noted here never replaces what the application itself said.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from otel_eventlog import guard
from otel_eventlog.actions import catalogue
from otel_eventlog.in_progress import request_in_progress
from otel_eventlog.model import Status
from otel_eventlog.tracking import Request

Counts = Callable[[str], bool]
"""Whether a signal can be about an action."""

_NOT_BY_A_PERSON = ("Sessions", "M2M", "Impersonation")


def is_log_in(action: str) -> bool:
    """Whether an action of the catalogue is an attempt to prove who one is."""
    if action not in catalogue():
        return False
    if action.endswith("Authenticate"):
        return not any(part in action for part in _NOT_BY_A_PERSON)
    return action in ("RecoveryCodesRecover", "TOTPsRecover")


def is_unknown(action: str) -> bool:
    """Whether an action is not of the catalogue: what it is about cannot be said."""
    return action not in catalogue()


def about_log_in(action: str) -> bool:
    """Whether a refused log-in can be the outcome of an action."""
    return is_log_in(action) or is_unknown(action)


def about_signed_in(action: str) -> bool:
    """Whether "somebody is signed in now" can be the outcome of an action."""
    return "Revoke" not in action


def about_session_end(action: str) -> bool:
    """Whether "somebody is signed out now" can be the outcome of an action."""
    return "Revoke" in action or is_unknown(action)


def about_anything_else(action: str) -> bool:
    """Whether an action is neither a log-in nor the end of a session."""
    return not is_log_in(action) and "Revoke" not in action


def about(*parts: str) -> Counts:
    """Return a condition: the action's name has one of these parts, or is unknown."""
    return lambda action: any(part in action for part in parts) or is_unknown(action)


def anything(action: str) -> bool:
    """Whether a signal counts for an action: always."""
    del action
    return True


def request_for(counts: Counts) -> Request | None:
    """Return the innermost request in progress that a signal can be about."""
    found = request_in_progress()
    if found is None:
        return None
    processor, innermost = found
    for request in innermost.and_around():
        if not request.is_ended:
            match = processor.judge(request)
            if match is not None and counts(match.action):
                return request
    return None


def note_success(counts: Counts, user_id: str | None = None) -> None:
    """Note that the framework reported a success; what was reported last holds."""
    request = request_for(counts)
    if request is not None:
        notes = request.notes
        notes.signal = Status.SUCCESS
        notes.signal_user_id = user_id or notes.signal_user_id


def note_failure(counts: Counts, error_type: str, user_id: str | None = None) -> None:
    """Note that the framework reported a failure; what was reported last holds."""
    request = request_for(counts)
    if request is not None:
        notes = request.notes
        notes.signal = Status.ERROR
        notes.signal_error_type = error_type
        notes.signal_user_id = user_id or notes.signal_user_id


def note_user(counts: Counts, user_id: str | None) -> None:
    """Note who it is about, and nothing of the outcome."""
    request = request_for(counts) if user_id is not None else None
    if request is not None and request.notes.signal_user_id is None:
        request.notes.signal_user_id = user_id


def guarded(receiver: Callable[..., None]) -> Callable[..., None]:
    """Wrap a receiver of signals: nothing of ours may reach who sends them."""

    @functools.wraps(receiver)
    def receive(*args: Any, **kwargs: Any) -> None:
        try:
            receiver(*args, **kwargs)
        except Exception:  # noqa: BLE001 - see above
            guard.caught(f"the signal receiver {receiver.__name__}")

    return receive


def user_id_of(user: object) -> str | None:
    """Return a user object's id: never a name or an address, unless that is the id.

    What an object-relational mapper would have to fetch is not asked for. What stands in for the
    id in sessions (`get_id`) is taken where there is no other, and Flask-Security's never.
    """
    current: Any = getattr(user, "_get_current_object", None)
    if current is not None:
        user = current()
    if user is None:
        return None
    loaded = getattr(user, "__dict__", {})
    found = loaded.get("id")
    if found is None and "_sa_instance_state" in loaded:
        identity = loaded["_sa_instance_state"].identity
        return str(identity[0]) if identity else None
    if found is None:
        found = getattr(user, "pk", None) or getattr(user, "id", None)
    if found is None and not hasattr(user, "fs_uniquifier"):
        get_id = getattr(user, "get_id", None)
        found = get_id() if callable(get_id) else None
    return None if found is None else str(found)
