"""The reference store: a dictionary in memory, as plain as the specification reads.

It passes the same battery as the real stores, and property tests compare them with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from otel_eventlog.model import TAG_END, TAG_START, EventLog, Phase, Status
from otel_eventlog.pairs import Pair
from otel_eventlog_collector.errors import QueryError, StoreUnavailable
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import (
    Clock,
    ErasureReport,
    PurgeReport,
    StoreStatus,
    WriteResult,
)
from otel_eventlog_collector.query import (
    FREE_TEXT_FIELDS,
    FREE_TEXT_ID_DIGITS_MIN,
    FREE_TEXT_IDS,
    LIMIT_MAX,
    ActionFigures,
    Cursor,
    DurationCount,
    EventQuery,
    HistogramBucket,
    Page,
    Request,
    RequestPage,
    RequestState,
    TailBatch,
    Term,
)

DAY = 86_400 * 1_000_000_000
IDS = ("event_id", "request_id", "trace_id", "span_id", "parent_span_id")


@dataclass
class Stored:
    """An event log and its place in the stream of commits."""

    event: EventLog
    sequence: int


def text_of(event: EventLog, field: str) -> str | None:
    """Return a field as filters see it."""
    value = event_json(event)[field]
    return None if value is None else str(value)


def _meets(value: str | None, term: Term, field: str) -> bool:
    wanted = term.value.lower() if field in IDS else term.value
    if value is None:
        return False
    return value.startswith(wanted) if term.prefix else value == wanted


def passes(event: EventLog, query: EventQuery) -> bool:
    """Whether an event log passes a query's filters, text and times."""
    for field, terms in query.filters.items():
        value = text_of(event, field)
        wanted = [term for term in terms if not term.negated]
        if wanted and not any(_meets(value, term, field) for term in wanted):
            return False
        if any(_meets(value, term, field) for term in terms if term.negated):
            return False
    for term in query.text:
        needle = term.value.casefold()
        texts = [text_of(event, field) or "" for field in FREE_TEXT_FIELDS]
        ids = [text_of(event, field) or "" for field in FREE_TEXT_IDS]
        is_long = len(needle.replace("-", "")) >= FREE_TEXT_ID_DIGITS_MIN
        is_found = any(needle in text.casefold() for text in texts) or (
            is_long and any(text.startswith(needle) for text in ids)
        )
        if is_found is term.negated:
            return False
    time = event.time_unix_nano
    if query.since_unix_nano is not None and time < query.since_unix_nano:
        return False
    return query.until_unix_nano is None or time < query.until_unix_nano


def _order(event: EventLog) -> tuple[int, int]:
    return event.time_unix_nano, event.event_uuid_int


class MemoryStore:
    """`protocols.Store` without files. For tests: one thread, one process."""

    def __init__(self, clock: Clock, retention_ns: int = 30 * DAY) -> None:
        """Start empty."""
        self._clock = clock
        self._retention_ns = retention_ns
        self._stored: dict[int, Stored] = {}
        self._sequence = 0
        self._purged: list[int] = []
        self._erased: set[int] = set()
        self._closed = False

    # --- writing -----------------------------------------------------------------------------

    def write(self, events: Sequence[EventLog], pairs: Sequence[Pair] = ()) -> Future[WriteResult]:
        """Store event logs at once."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        of_pairs = [event for pair in pairs for event in pair.event_logs()]
        counts = Counter(self._write_one(event) for event in [*of_pairs, *events])
        future: Future[WriteResult] = Future()
        future.set_result(WriteResult(**counts))
        return future

    def _write_one(self, event: EventLog) -> str:
        now = self._clock()
        if not now - self._retention_ns <= event.start_unix_nano <= now + DAY:
            return "rejected"
        if event.request_uuid_int in self._erased:
            return "duplicates"
        if not event.observed_unix_nano:
            event = replace(event, observed_unix_nano=now)
        held = self._stored.get(event.event_uuid_int)
        if held is None:
            fate = "stored"
        elif event.rank > held.event.rank:
            fate = "replaced"
        elif event.rank == held.event.rank and event.status is not held.event.status:
            return "conflicts"
        else:
            return "duplicates"
        self._put(event)
        self._carry_action(event)
        return fate

    def _carry_action(self, event: EventLog) -> None:
        pair = self._pair(event.request_uuid_int)
        if pair is None or pair.start is None or pair.outcome is None:
            return
        renamed = replace(
            pair.start,
            action=pair.outcome.action,
            category=pair.outcome.category,
            auth_method=pair.outcome.auth_method,
            auth_factor=pair.outcome.auth_factor,
        )
        if renamed != pair.start:
            self._put(renamed)

    def _put(self, event: EventLog) -> None:
        self._sequence += 1
        self._stored[event.event_uuid_int] = Stored(event, self._sequence)

    # --- reading -----------------------------------------------------------------------------

    def find(self, query: EventQuery) -> Page:
        """Return one page of event logs."""
        found = self._listed([event for event in self._kept() if passes(event, query)], query)
        return Page(found[: query.limit], _next(found, query.limit))

    def event(self, event_uuid: int) -> EventLog | None:
        """Return one event log by its id."""
        return next((event for event in self._kept() if event.event_uuid_int == event_uuid), None)

    def request(self, request_uuid: int) -> Request | None:
        """Return the pair of one request."""
        pair = self._pair(request_uuid)
        return pair if pair and _first(pair).request_uuid_int == request_uuid else None

    def requests(
        self, query: EventQuery, state: RequestState | None, no_outcome_before_unix_nano: int
    ) -> RequestPage:
        """Return requests of which an event log passes the query."""
        ids = {event.request_uuid_int for event in self._kept() if passes(event, query)}
        firsts: dict[int, Request] = {}
        for request_uuid in ids:
            pair = self._pair(request_uuid)
            if pair and state in (None, _state(pair, no_outcome_before_unix_nano)):
                firsts[_first(pair).event_uuid_int] = pair
        found = self._listed([_first(pair) for pair in firsts.values()], query)
        pairs = [firsts[event.event_uuid_int] for event in found[: query.limit]]
        return RequestPage(pairs, _next(found, query.limit))

    def position(self) -> str:
        """Return the stream position after everything committed so far."""
        return f"memory-{self._sequence}"

    def tail(self, position: str, query: EventQuery, limit: int) -> TailBatch:
        """Return what was committed after a position and passes the query's filters."""
        head, _, number = position.partition("-")
        if head != "memory" or not number.isdigit():
            raise QueryError("position", f"{position!r} is not a stream position")
        after = int(number)
        kept = {event.event_uuid_int for event in self._kept()}
        later = sorted(
            (held for key, held in self._stored.items() if held.sequence > after and key in kept),
            key=lambda held: held.sequence,
        )
        found = [held for held in later if passes(held.event, query)][:limit]
        reached = found[-1].sequence if len(found) == limit else self._sequence
        return TailBatch(
            [(f"memory-{held.sequence}", held.event) for held in found],
            f"memory-{reached}",
            gap=any(sequence > after for sequence in self._purged),
        )

    def histogram(
        self, query: EventQuery, since_unix_nano: int, until_unix_nano: int, bucket_ns: int
    ) -> Sequence[HistogramBucket]:
        """Return exact counts by status for each slice of time."""
        buckets = []
        for start in range(since_unix_nano, until_unix_nano, bucket_ns):
            end = min(start + bucket_ns, until_unix_nano)
            counts = Counter(
                event.status.value
                for event in self._kept()
                if passes(event, query) and start <= event.time_unix_nano < end
            )
            names = ("start", "success", "error")
            buckets.append(HistogramBucket(start, {name: counts[name] for name in names}))
        return buckets

    def facets(
        self, query: EventQuery, fields: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[tuple[str, int]]]:
        """Return, for each field, its most frequent values with exact counts."""
        facets = {}
        for field in fields:
            texts = [text_of(event, field) for event in self._kept() if passes(event, query)]
            counts = Counter(text for text in texts if text is not None)
            ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            facets[field] = ranked[:limit]
        return facets

    def action_figures(
        self, query: EventQuery, since_unix_nano: int, until_unix_nano: int, bucket_ns: int
    ) -> Sequence[ActionFigures]:
        """Return counts over time, reasons and durations for each action seen, by its name."""
        times = range(since_unix_nano, until_unix_nano, bucket_ns)
        found: dict[str, list[EventLog]] = {}
        for event in self._kept():
            if passes(event, query) and since_unix_nano <= event.time_unix_nano < until_unix_nano:
                found.setdefault(event.action, []).append(event)
        return [
            ActionFigures(
                action,
                [
                    {
                        status: sum(
                            event.status == status
                            and start <= event.time_unix_nano < start + bucket_ns
                            for event in found[action]
                        )
                        for status in ("start", "success", "error")
                    }
                    for start in times
                ],
                Counter(each.error_type for each in found[action] if each.status is Status.ERROR),
                [
                    DurationCount(event.duration_ns, event.duration_ns, 1)
                    for event in found[action]
                    if event.phase is Phase.END and event.duration_ns is not None
                ],
            )
            for action in sorted(found)
        ]

    # --- life cycle --------------------------------------------------------------------------

    def purge(self, *, force: bool = False) -> PurgeReport:
        """Remove days that are wholly past retention."""
        cutoff = self._clock() - self._retention_ns
        gone = {
            key: held
            for key, held in self._stored.items()
            if (held.event.start_unix_nano // DAY + 1) * DAY <= cutoff
        }
        for key, held in gone.items():
            del self._stored[key]
            self._purged.append(held.sequence)
        days = {str(held.event.start_unix_nano // DAY) for held in gone.values()}
        return PurgeReport(sorted(days), len(gone), len(gone))

    def erase_user(self, user_id: str) -> ErasureReport:
        """Remove every request of a user."""
        held = [each.event for each in self._stored.values()]
        requests = {event.request_uuid_int for event in held if event.user_id == user_id}
        gone = [event for event in held if event.request_uuid_int in requests]
        for event in gone:
            del self._stored[event.event_uuid_int]
        self._erased |= requests
        return ErasureReport(len(requests), len(gone))

    def seal(self, *, quiet_s: float = 0.0) -> Sequence[str]:
        """Do nothing: everything is quick to search here."""
        return []

    def status(self) -> StoreStatus:
        """Return counts and sizes."""
        times = [held.event.time_unix_nano for held in self._stored.values()]
        days = {held.event.start_unix_nano // DAY for held in self._stored.values()}
        oldest, newest = min(times, default=None), max(times, default=None)
        return StoreStatus(len(times), len(times), oldest, newest, len(days), self._retention_ns)

    def announce(self, urls: Mapping[str, str]) -> None:
        """Tell nobody: no other process can want this store."""

    def close(self) -> None:
        """Take nothing more."""
        self._closed = True

    # --- inside ------------------------------------------------------------------------------

    def _kept(self) -> list[EventLog]:
        cutoff = self._clock() - self._retention_ns
        events = (held.event for held in self._stored.values())
        return [event for event in events if event.start_unix_nano >= cutoff]

    def _pair(self, request_uuid: int) -> Request | None:
        cutoff = self._clock() - self._retention_ns
        held = (self._stored.get(request_uuid | tag) for tag in (TAG_START, TAG_END))
        halves = {
            each.event.phase: each.event
            for each in held
            if each and each.event.start_unix_nano >= cutoff
        }
        if not halves:
            return None
        return Request(halves.get(Phase.START), halves.get(Phase.END))

    def _listed(self, events: Sequence[EventLog], query: EventQuery) -> list[EventLog]:
        """Return what comes after the cursor, in order, one more than the limit."""
        if not 1 <= query.limit <= LIMIT_MAX:
            raise QueryError("limit", f"{query.limit} is not between 1 and {LIMIT_MAX}")
        is_desc = query.order == "desc"
        ordered = sorted(events, key=_order, reverse=is_desc)
        if cursor := query.cursor:
            place = (cursor.time_unix_nano, cursor.event_uuid)
            ordered = [
                event
                for event in ordered
                if (_order(event) < place if is_desc else _order(event) > place)
            ]
        return ordered[: query.limit + 1]


def _next(found: Sequence[EventLog], limit: int) -> Cursor | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return Cursor(last.time_unix_nano, last.event_uuid_int)


def _first(pair: Request) -> EventLog:
    first = pair.start or pair.outcome
    assert first is not None
    return first


def _state(pair: Request, no_outcome_before: int) -> RequestState:
    if pair.outcome is not None:
        return RequestState.FINISHED
    start = _first(pair).start_unix_nano
    return RequestState.IN_PROGRESS if start > no_outcome_before else RequestState.NO_OUTCOME
