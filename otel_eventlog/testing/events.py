"""`EventLogs`: what a test has caught so far, with assertions whose failures read well."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any, overload

from otel_eventlog.delivery.tally import DeliveryStats
from otel_eventlog.model import EventLog, Phase
from otel_eventlog.testing.secrets import find_secret

WAIT_S_DEFAULT = 10.0


class EventLogs(Sequence[EventLog]):
    """The event logs of a test, in the order in which they happened.

    It is also the delivery of the span processor that catches them.

    Args:
        materialise: turns what the processor hands over into event logs.
        hint: says what else was seen, for assertions that miss something.

    """

    def __init__(
        self,
        materialise: Callable[[Any], Iterable[EventLog]],
        hint: Callable[[], str] = lambda: "",
    ) -> None:
        self._materialise = materialise
        self._hint = hint
        self._events: list[EventLog] = []
        self._changed = threading.Condition()

    # --- a delivery -------------------------------------------------------------------------------

    def put(self, item: Any, /) -> None:
        """Take a snapshot over."""
        events = tuple(self._materialise(item))
        with self._changed:
            self._events.extend(events)
            self._changed.notify_all()

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
        __tracebackhide__ = True  # pytest shows the test's line, not ours
        found = [e for e in self if e.phase is Phase.END and action in (None, e.action)]
        if len(found) != 1:
            msg = f"{len(found)} outcomes{_of(action)} in place of one\n{self.table()}"
            raise AssertionError(msg + ("" if found else self._hint()))
        return found[0]

    def wait_for(self, count: int, timeout_s: float = WAIT_S_DEFAULT) -> None:
        """Wait until there are so many event logs: where a server runs in another thread.

        Raises:
            AssertionError: there are fewer when the time is over.

        """
        __tracebackhide__ = True  # pytest shows the test's line, not ours
        with self._changed:
            if self._changed.wait_for(lambda: len(self._events) >= count, timeout_s):
                return
        msg = f"{len(self)} event logs in place of {count} after {timeout_s} s\n{self.table()}"
        raise AssertionError(msg + self._hint())

    # --- assertions -------------------------------------------------------------------------------

    def assert_events(self, *expected: str) -> None:
        """Assert that exactly these event logs were left, in this order.

        Args:
            expected: action and status, such as `"PasswordsAuthenticate success"`; and where it
                matters the reason of an error or the next step of a success, such as
                `"PasswordsAuthenticate error invalid_credentials"`.

        Raises:
            AssertionError: with what was there and what was not, line by line.

        """
        __tracebackhide__ = True  # pytest shows the test's line, not ours
        wanted = [" ".join(text.split()) for text in expected]
        events = list(self)
        found = [
            _name(event, in_full=index < len(wanted) and wanted[index].count(" ") > 1)
            for index, event in enumerate(events)
        ]
        if found != wanted:
            lines = "\n".join(_compared(wanted, found, events)) or "  none"
            hint = "" if len(found) >= len(wanted) else self._hint()
            msg = f"other event logs than expected (- expected, + found)\n{lines}{hint}"
            raise AssertionError(msg)

    def assert_no_unpaired_starts(self) -> None:
        """Assert that every start has its outcome.

        Raises:
            AssertionError: naming the starts without one.

        """
        __tracebackhide__ = True  # pytest shows the test's line, not ours
        ended = {event.request_id for event in self if event.phase is Phase.END}
        alone = [e for e in self if e.phase is Phase.START and e.request_id not in ended]
        if alone:
            names = ", ".join(f"{event.action} ({event.request_id})" for event in alone)
            msg = f"start without outcome: {names}\n{self.table()}"
            raise AssertionError(msg)

    def assert_no_secret(self, secret: str, *more: str) -> None:
        """Assert that none of these texts is anywhere in the event logs.

        Looked for as they are, percent-encoded, in base64, in hexadecimal, and as hashes without
        a key; in every field, and in the names of attributes too.

        Raises:
            AssertionError: naming the field, not the secret.
            ValueError: a secret is empty, and so would be everywhere.

        """
        __tracebackhide__ = True  # pytest shows the test's line, not ours
        for number, text in enumerate((secret, *more), 1):
            for event in self:
                where = find_secret(event, text)
                if where is not None:
                    msg = f"secret {number} is in {where} of {_name(event)}"
                    raise AssertionError(msg)

    def table(self) -> str:
        """Return the event logs as text, one a line."""
        return "\n".join(f"  {_line(event)}" for event in self) or "  none"


def _compared(wanted: list[str], found: list[str], events: list[EventLog]) -> Iterable[str]:
    matcher = SequenceMatcher(None, wanted, found, autojunk=False)
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        if wanted[i1:i2] == found[j1:j2]:
            yield from (f"    {_line(event)}" for event in events[j1:j2])
        else:
            yield from (f"  - {name}" for name in wanted[i1:i2])
            yield from (f"  + {_line(event)}" for event in events[j1:j2])


def _line(event: EventLog) -> str:
    return "  ".join(part for part in _columns(event) if part)


def _columns(event: EventLog) -> Iterable[str]:
    yield _name(event)
    yield event.error_type or ""
    yield f"next {event.next_step}" if event.next_step else ""
    yield f"user {event.user_id}" if event.user_id else ""
    yield event.message_status or ""
    yield f"by {event.outcome_source}" if event.outcome_source else ""
    yield f"{event.http_method} {event.http_route}" if event.http_route else ""
    yield f"HTTP {event.http_status_code}" if event.http_status_code else ""


def _name(event: EventLog, *, in_full: bool = False) -> str:
    name = f"{event.action} {event.status}"
    detail = event.error_type or event.next_step
    return f"{name} {detail}" if in_full and detail else name


def _of(action: str | None) -> str:
    return "" if action is None else f" of {action}"
