"""What only the app knows about a request: who it was, which session, and why it was refused.

This is all of `otel_eventlog` that the apps touch, and they run as well where it is not installed:
the event logs are there either way, with less in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eventlog_collector.demo.apps.accounts import Refused, User

if TYPE_CHECKING:
    from otel_eventlog import CurrentAction


def tell(
    user: User | None = None,
    *,
    session: str | None = None,
    organization: str | None = None,
    flow: str | None = None,
) -> None:
    """Say whose request the current one is, and what it belongs to.

    Args:
        user: who it is about.
        session: token of the session; only a keyed hash of it gets into the event log.
        organization: the customer or company.
        flow: anything that several requests of one login have in common.

    """
    if action := _current_action():
        action.set_user(user.id if user else None)
        action.set_session(token=session)
        action.set_organization(organization)
        action.set_flow(flow)


def tell_refused(refused: Refused) -> None:
    """Say that the current request was refused, why, and whom it was about if that is known."""
    if action := _current_action():
        action.set_user(refused.user_id)
        action.fail(refused.reason)


def _current_action() -> CurrentAction | None:
    try:
        from otel_eventlog import current_action
    except ImportError:
        return None
    return current_action()
