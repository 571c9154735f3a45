"""The four seams of the collector. A callable or a small class satisfies each; no base classes.

receiver → Consumer → (pipeline: map, write, wake) → EventWriter
api, cli, tail → EventReader
Store = EventWriter + EventReader + retention + life cycle
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from otel_eventlog.model import EventLog, SpanData
from otel_eventlog.pairs import Pair
from otel_eventlog.rules import Match
from otel_eventlog_collector.query import (
    ActionFigures,
    EventQuery,
    HistogramBucket,
    Page,
    Request,
    RequestPage,
    RequestState,
    TailBatch,
)

Clock: TypeAlias = Callable[[], int]
"""Nanoseconds since the epoch; injected everywhere, so that tests can turn it."""


@dataclass(frozen=True, slots=True)
class ConsumeResult:
    """What became of one request's records. Rejected = told to the sender as partial success.

    A span that no rule wants is accepted, never rejected.

    Attributes:
        accepted: records that need not be sent again.
        rejected: records that must not be sent again.
        error_message: why they were rejected.
        without_event_log: records, of either sort, of which no event log was made.

    """

    accepted: int = 0
    rejected: int = 0
    error_message: str = ""
    without_event_log: int = 0


@dataclass(frozen=True, slots=True)
class SpansToConsume:
    """What of a trace request is to become event logs.

    Attributes:
        spans: those that have to be mapped.
        matches: what each of them is; empty if the consumer has to ask the rules itself.
        pairs: what became of the others already.

    """

    spans: Sequence[SpanData] = ()
    matches: Sequence[Match] = ()
    pairs: Sequence[Pair] = ()

    def __len__(self) -> int:
        """Return the number of spans, of both sorts."""
        return len(self.spans) + len(self.pairs)


class Consumer(Protocol):
    """Next stage of a receiver. Returning means committed and fsynced."""

    async def consume_spans(self, spans: SpansToConsume) -> ConsumeResult:
        """Map spans to event logs and store them.

        Raises:
            RetryableError: nothing of it may be counted as stored; the sender should retry.

        """
        ...

    async def consume_event_logs(self, events: Sequence[EventLog]) -> ConsumeResult:
        """Store event logs that an application made itself (rank APP).

        Raises:
            RetryableError: nothing of it may be counted as stored; the sender should retry.

        """
        ...


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one `write`: stored + replaced + duplicates + conflicts + rejected = given.

    Attributes:
        stored: event logs that were new.
        replaced: event logs that replaced one of lower rank.
        duplicates: event logs that were there already (same id, equal or higher rank).
        conflicts: duplicates of equal rank whose status differs; the first one stays.
        rejected: event logs whose request lies outside the accepted times; not stored.

    """

    stored: int = 0
    replaced: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0


class EventWriter(Protocol):
    """Durable, idempotent, order-independent writing."""

    def write(self, events: Sequence[EventLog], pairs: Sequence[Pair] = ()) -> Future[WriteResult]:
        """Queue event logs for the writer; the future is done when they are on disk.

        A pair is both event logs of one request, and counts as two; pairs are merged before single
        event logs. They are the cheap way: whoever has finished requests gives pairs.

        The merge of section 1 of the specification: a higher rank replaces the row whole; at
        equal rank the first stays; the outcome's action (and what the action implies: category,
        auth method and factor) holds for its start too. Each stored or replaced event log takes a
        new stream position.

        Raises (through the future, or at once):
            Overloaded: the queue of waiting rows is full.
            StoreUnavailable: the commit failed; none of these event logs is stored.

        """
        ...


class EventReader(Protocol):
    """Everything that is read. Nothing older than the retention is ever returned."""

    def find(self, query: EventQuery) -> Page:
        """Return one page of event logs; keyset cursors neither skip nor repeat stored rows."""
        ...

    def event(self, event_uuid: int) -> EventLog | None:
        """Return one event log by its id."""
        ...

    def request(self, request_uuid: int) -> Request | None:
        """Return the pair of one request."""
        ...

    def requests(
        self, query: EventQuery, state: RequestState | None, no_outcome_before_unix_nano: int
    ) -> RequestPage:
        """Return requests of which an event log passes the query, optionally of one state.

        A start without outcome is in progress, from `no_outcome_before_unix_nano` backwards
        (by its start time) it has no outcome.
        """
        ...

    def position(self) -> str:
        """Return the stream position after everything committed so far."""
        ...

    def tail(self, position: str, query: EventQuery, limit: int) -> TailBatch:
        """Return what was committed after a position and passes the query's filters.

        Raises:
            QueryError: the position is none of ours.

        """
        ...

    def histogram(
        self, query: EventQuery, since_unix_nano: int, until_unix_nano: int, bucket_ns: int
    ) -> Sequence[HistogramBucket]:
        """Return exact counts by status for each slice of time (empty slices included)."""
        ...

    def facets(
        self, query: EventQuery, fields: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[tuple[str, int]]]:
        """Return, for each field, its most frequent values with exact counts."""
        ...

    def action_figures(
        self, query: EventQuery, since_unix_nano: int, until_unix_nano: int, bucket_ns: int
    ) -> Sequence[ActionFigures]:
        """Return counts over time, reasons and durations for each action seen, by its name.

        Slices are those of `histogram` for the same arguments.
        """
        ...


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What one purge removed.

    Attributes:
        segments: names of what was removed, oldest first.
        events: number of event logs removed.
        bytes_freed: bytes given back to the file system.
        refused: why nothing was removed though something is due (the brake), or "".

    """

    segments: Sequence[str] = ()
    events: int = 0
    bytes_freed: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class DayStatus:
    """One day of a store: the event logs whose requests started on it.

    Attributes:
        day: `2026-11-23`, UTC.
        events: how many event logs.
        bytes_on_disk: what they take, indexes included.

    """

    day: str
    events: int
    bytes_on_disk: int


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What an erasure removed, and what it could not reach.

    Attributes:
        requests: number of requests of the user.
        events: number of event logs that were removed.
        lingering: names of segments whose removed bytes wait, unreadable to anyone who asks the
            store, until a long read is over; another erasure, or closing the store, ends that.
        unread: names of files that were set aside, so that nobody can say whether they hold
            the user; retention removes them.

    """

    requests: int = 0
    events: int = 0
    lingering: Sequence[str] = ()
    unread: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file that could not be read: it was renamed, so that everything else goes on.

    Attributes:
        name: what it is called now.
        reason: why, for a person.

    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Figures for `/api/v1/status` and `stats`."""

    events: int
    bytes_on_disk: int
    oldest_unix_nano: int | None
    newest_unix_nano: int | None
    segments: int
    retention_ns: int
    days: Sequence[DayStatus] = ()
    """The oldest first; empty where a store is not kept by days."""
    set_aside: Sequence[SetAside] = ()


class Store(EventWriter, EventReader, Protocol):
    """A store of event logs; each one passes the battery `tests/contracts/store_battery.py`."""

    def purge(self, *, force: bool = False) -> PurgeReport:
        """Remove what is past retention, bytes included; never stalls writers.

        Args:
            force: a person confirms the clock, so the brake against clock jumps does not hold.

        """
        ...

    def erase_user(self, user_id: str) -> ErasureReport:
        """Remove every request of a user, bytes and counts included.

        A request is the user's when one of its event logs says so; both go. The bare ids stay
        until retention, so that either half, delivered again, is a duplicate.

        Raises:
            StoreUnavailable: it could not be finished; asking again goes on.

        """
        ...

    def seal(self, *, quiet_s: float = 300.0) -> Sequence[str]:
        """Make days that are over quick to search; return their names. Never stalls writers.

        Args:
            quiet_s: seconds for which nothing may have been written to a day.

        """
        ...

    def status(self) -> StoreStatus:
        """Return counts and sizes."""
        ...

    def announce(self, urls: Mapping[str, str]) -> None:
        """Tell whoever else wants this store where its collector listens, by listener."""
        ...

    def close(self) -> None:
        """Write what waits, then release everything; safe to call twice."""
        ...
