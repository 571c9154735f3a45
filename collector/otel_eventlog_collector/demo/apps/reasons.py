"""What only the app knows about a request: who it was, and why it was refused.

This is all of `otel_eventlog` that the apps touch, and they run as well where it is not installed:
the event logs are there either way, with less in them.
"""

from __future__ import annotations

try:
    from otel_eventlog import current_action
except ImportError:  # the apps are ordinary apps: nothing of theirs may depend on this
    current_action = None  # type: ignore[assignment]

from otel_eventlog_collector.demo.apps.accounts import Refused, User


def tell_user(user: User) -> None:
    """Say whose request the current one is."""
    if current_action is not None:
        current_action().set_user(user.id)


def tell_refused(refused: Refused) -> None:
    """Say that the current request was refused, why, and whom it was about if that is known."""
    if current_action is None:
        return
    if refused.user_id is not None:
        current_action().set_user(refused.user_id)
    current_action().fail(refused.reason)
