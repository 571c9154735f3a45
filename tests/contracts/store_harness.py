"""What the parts of the battery of stores share: how a store is opened, builders, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from otel_eventlog.model import EventLog, OutcomeSource, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import Clock, Store, WriteResult
from otel_eventlog_collector.query import (
    EventQuery,
    Request,
    Term,
)
from tests.support.builders import NOW, event_log
from tests.support.clock import SECOND, HandClock

MS = 1_000_000
NEVER = 2**62
FULL: Mapping[str, Any] = {
    "span_id": 0xFEDCBA9876543210,
    "trace_id": 0xF23456789ABCDEF0123456789ABCDEF0,
    "parent_span_id": 0x8000000000000001,
    "trace_sampled": False,
    "outcome_source": OutcomeSource.SIGNAL,
    "next_step": "second_factor",
    "observed_unix_nano": NOW + 3 * SECOND,
    "duration_ns": 12_000_000,
    "project": "acme",
    "environment": "production",
    "service_version": "1.2.3",
    "clock_skewed": True,
    "correlation_id": "corr-1",
    "flow_id": "flow-1",
    "user_id": "u-Zoë",
    "organization_id": "org-1",
    "client_id": "client-1",
    "auth_method": "password",
    "auth_factor": "primary",
    "http_method": "POST",
    "http_route": "/login",
    "http_status_code": 401,
    "error_type": "invalid_credentials",
    "error_message": "Wrong password",
    "session_token_hash": "5e55",
    "session_jwt_hash": "1a77",
    "client_address": "2001:db8::7",
    "user_agent": "tests/1.0 (Linux)",
    "message_status": "bounced",
    "attributes": {"provider": "google"},
}
"""Changes that give every field of an event log a value of its own."""


def comparable(event: EventLog | None) -> dict[str, Any] | None:
    """Return an event log as a dictionary in which arrays of any kind are equal."""
    if event is None:
        return None
    found = event_json(event)
    found["rank"] = event.rank
    found["start_unix_nano"] = event.start_unix_nano
    found["attributes"] = {
        name: value if isinstance(value, str | bool | int | float) else list(value)
        for name, value in event.attributes.items()
    }
    return found


def start_of(outcome: EventLog, **changes: Any) -> EventLog:
    """Return the start that belongs to an outcome."""
    return replace(
        outcome,
        status=Status.START,
        time_unix_nano=outcome.start_unix_nano,
        duration_ns=None,
        outcome_source=None,
        **changes,
    )


def login(number: int, at: int = NOW, **changes: Any) -> EventLog:
    """Return the outcome of login number so-and-so, which started at a time."""
    fields = {"span_id": number, "start_unix_nano": at, "time_unix_nano": at + 12 * MS}
    return event_log(**(fields | changes))


def put(store: Store, *events: EventLog) -> WriteResult:
    """Write and wait until it is on disk."""
    return store.write(events).result(timeout=30)


def texts(events: Sequence[EventLog]) -> list[str]:
    """Return the event ids."""
    return [event.event_id for event in events]


def query(**filters: str | Term | Sequence[Term]) -> EventQuery:
    """Return a query with one filter for each argument."""
    terms: dict[str, Sequence[Term]] = {}
    for name, value in filters.items():
        if isinstance(value, str):
            terms[name] = [Term(value)]
        else:
            terms[name] = [value] if isinstance(value, Term) else value
    return EventQuery(filters=terms)


def everything(store: Store, asked: EventQuery | None = None) -> list[EventLog]:
    """Return all event logs, page by page."""
    asked = asked or EventQuery()
    found: list[EventLog] = []
    while True:
        page = store.find(asked)
        found += page.events
        if page.next_cursor is None:
            return found
        asked = replace(asked, cursor=page.next_cursor)


def drain(store: Store, position: str, asked: EventQuery | None = None) -> list[EventLog]:
    """Return all event logs after a stream position, batch by batch."""
    found: list[EventLog] = []
    while True:
        batch = store.tail(position, asked or EventQuery(), 100)
        found += [event for _, event in batch.events]
        if batch.position == position:
            return found
        position = batch.position


def first_of(pair: Request) -> EventLog:
    """Return the first event log of a request."""
    found = pair.start or pair.outcome
    assert found is not None
    return found


Opener = Callable[[], Store]


class StoreHarness:
    """Opens a store for each test, with a clock that the test turns."""

    opts_out: ClassVar[Mapping[str, str]] = {}

    def open(self, place: Path, clock: Clock, steady: Clock) -> Store:
        """Open the store that keeps its data at a place, with 30 days of retention."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _may_opt_out(self, request: pytest.FixtureRequest) -> None:
        reason = self.opts_out.get(request.node.originalname)
        if reason:
            pytest.skip(reason)

    @pytest.fixture
    def clock(self) -> HandClock:
        """Return the clock of the store."""
        return HandClock()

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        """Return where the store keeps its data."""
        return tmp_path / "data"

    @pytest.fixture
    def opener(self, place: Path, clock: HandClock) -> Iterator[Opener]:
        """Return what opens the store, again and again on the same place."""
        opened: list[Store] = []

        def open_again() -> Store:
            # The clock that nobody sets goes with the one that a test turns: it was not set.
            opened.append(self.open(place, clock, lambda: clock.now - NOW))
            return opened[-1]

        yield open_again
        for store in opened:
            store.close()

    @pytest.fixture
    def store(self, opener: Opener) -> Store:
        """Return the open store."""
        return opener()
