"""`EventLogs`: what a test has caught so far, with assertions whose failures read well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any, overload

from otel_eventlog.delivery.tally import DeliveryStats
from otel_eventlog.model import EventLog, Phase


class EventLogs(Sequence[EventLog]):
    """The event logs of a test, in the order in which they happened.

    It is also the delivery of the span processor that catches them.

    Args:
        materialise: turns what the processor hands over into event logs.

    """

    def __init__(self, materialise: Callable[[Any], Iterable[EventLog]]) -> None:
        self._materialise = materialise
        self._events: list[EventLog] = []

    # --- a delivery -------------------------------------------------------------------------------

    def put(self, item: Any, /) -> None:
        """Take a snapshot over."""
        self._events.extend(self._materialise(item))

    def force_flush(self, timeout_s: float) -> bool:
        """Nothing waits: True."""
        del timeout_s
        return True

    def shutdown(self) -> None:
        """Nothing to end."""

    def stats(self) -> DeliveryStats:
        """Everything caught counts as delivered."""
        return DeliveryStats(delivered=len(self._events))

    # --- a sequence -------------------------------------------------------------------------------

    @overload
    def __getitem__(self, index: int) -> EventLog: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[EventLog]: ...
    def __getitem__(self, index: int | slice) -> EventLog | Sequence[EventLog]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __repr__(self) -> str:
        return f"<EventLogs: {', '.join(_name(event) for event in self) or 'none'}>"

    def clear(self) -> None:
        """Forget what was caught, for example by the test's own arrangements."""
        self._events.clear()

    def of(self, action: str) -> list[EventLog]:
        """Return the event logs of one action."""
        return [event for event in self if event.action == action]

    def outcome(self, action: str | None = None) -> EventLog:
        """Return the one outcome there is, of one action or at all.

        Raises:
            AssertionError: there is none, or more than one.

        """
        found = [e for e in self if e.phase is Phase.END and action in (None, e.action)]
        if len(found) != 1:
            msg = f"{len(found)} outcomes{_of(action)} in place of one\n{self.table()}"
            raise AssertionError(msg)
        return found[0]

    # --- assertions -------------------------------------------------------------------------------

    def assert_events(self, *expected: str) -> None:
        """Assert that exactly these event logs were left, in this order.

        Args:
            expected: action and status, such as `"PasswordsAuthenticate success"`.

        Raises:
            AssertionError: with a table of what was there.

        """
        found = [_name(event) for event in self]
        if found != list(expected):
            wanted = "\n".join(f"  {name}" for name in expected) or "  none"
            msg = f"other event logs than expected\nexpected\n{wanted}\nfound\n{self.table()}"
            raise AssertionError(msg)

    def assert_no_unpaired_starts(self) -> None:
        """Assert that every start has its outcome.

        Raises:
            AssertionError: naming the starts without one.

        """
        ended = {event.request_id for event in self if event.phase is Phase.END}
        alone = [e for e in self if e.phase is Phase.START and e.request_id not in ended]
        if alone:
            names = ", ".join(f"{event.action} ({event.request_id})" for event in alone)
            msg = f"start without outcome: {names}\n{self.table()}"
            raise AssertionError(msg)

    def assert_no_secret(self, *secrets: str) -> None:
        """Assert that none of these texts is anywhere in the event logs.

        Raises:
            AssertionError: naming the field, not the secret.

        """
        for event in self:
            for field in fields(event):
                text = repr(getattr(event, field.name))
                for number, secret in enumerate(secrets, 1):
                    if secret in text:
                        msg = f"secret {number} is in {field.name!r} of {_name(event)}"
                        raise AssertionError(msg)

    def table(self) -> str:
        """Return the event logs as text, one a line."""
        lines = ["  " + "  ".join(part for part in _columns(event) if part) for event in self]
        return "\n".join(lines) or "  none"


def _columns(event: EventLog) -> Iterable[str]:
    yield _name(event)
    yield event.error_type or ""
    yield f"user {event.user_id}" if event.user_id else ""
    yield f"by {event.outcome_source}" if event.outcome_source else ""
    yield f"{event.http_method} {event.http_route}" if event.http_route else ""
    yield f"HTTP {event.http_status_code}" if event.http_status_code else ""


def _name(event: EventLog) -> str:
    return f"{event.action} {event.status}"


def _of(action: str | None) -> str:
    return "" if action is None else f" of {action}"
