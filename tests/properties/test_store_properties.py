"""The SQLite store equals the reference store, whatever arrives in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eventlog.model import EventLog, Rank, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import Store
from otel_eventlog_collector.query import FILTER_FIELDS, Cursor, EventQuery, RequestState, Term
from otel_eventlog_collector.store.sqlite import SqliteStore
from tests.support.builders import NOW
from tests.support.clock import DAY, HOUR, SECOND, HandClock
from tests.support.memory_store import MemoryStore, text_of
from tests.support.quick_directory import quick_directory

SPANS = (1, 2, 2**63, 2**64 - 1)
STARTS = (NOW, NOW + 1, NOW - HOUR, NOW - 12 * HOUR, NOW - 3 * DAY)
texts = st.sampled_from([None, "a", "A", "ab", "a%", "É", "é b"])


@st.composite
def event_logs(draw: st.DrawFn) -> EventLog:
    """Draw event logs of which many share their request."""
    status = draw(st.sampled_from(list(Status)))
    start = draw(st.sampled_from(STARTS))
    is_start = status is Status.START
    elapsed = 0 if is_start else draw(st.sampled_from([0, 1, SECOND, 2 * HOUR, DAY]))
    action = draw(st.sampled_from(["PasswordsAuthenticate", "OTPsAuthenticate"]))
    return EventLog(
        status=status,
        action=action,
        span_id=draw(st.sampled_from(SPANS)),
        start_unix_nano=start,
        time_unix_nano=start + elapsed,
        trace_id=draw(st.sampled_from([0, 1, 2**127])),
        parent_span_id=draw(st.sampled_from([0, 1, 2**63])),
        category=draw(st.sampled_from(["", "otps"])),
        duration_ns=None if is_start else elapsed,
        http_status_code=draw(st.sampled_from([None, 200, 401])),
        user_id=draw(texts),
        organization_id=draw(texts),
        error_message=draw(texts),
        correlation_id=draw(texts),
        auth_method=draw(st.sampled_from([None, "password"])),
        rank=draw(st.sampled_from(list(Rank))),
    )


@contextmanager
def both() -> Iterator[tuple[Store, Store]]:
    """Open the store under test and the reference store, both empty."""
    clock = HandClock()
    with quick_directory() as directory:
        store = SqliteStore(directory / "data", clock=clock, steady=lambda: clock.now)
        try:
            yield store, MemoryStore(clock)
        finally:
            store.close()


def rows(store: Store) -> list[dict[str, Any]]:
    """Return everything that is stored, without the observed time."""
    found = []
    query = EventQuery(order="asc", limit=1000)
    for event in store.find(query).events:
        row = event_json(event) | {"rank": event.rank, "start": event.start_unix_nano}
        del row["observed_time"]
        found.append(row)
    return found


def tallies(store: Store, batches: Sequence[Sequence[EventLog]]) -> list[Any]:
    """Write batch by batch and return what became of each."""
    return [store.write(batch).result(timeout=30) for batch in batches]


@given(st.lists(st.lists(event_logs(), max_size=8), max_size=6))
@settings(max_examples=50)
def test_whatever_arrives_the_rows_are_the_reference_s(batches: list[list[EventLog]]) -> None:
    """Any deliveries, with conflicts and renamings, leave the rows and counts of the reference."""
    with both() as (store, reference):
        assert tallies(store, batches) == tallies(reference, batches)
        assert rows(store) == rows(reference)


@given(
    st.lists(event_logs(), max_size=8, unique_by=lambda e: (e.event_uuid_int, e.rank)),
    st.randoms(use_true_random=False),
    st.integers(1, 3),
    st.booleans(),
)
@settings(max_examples=50)
def test_order_and_repetition_change_nothing(
    events: list[EventLog],
    random: Any,
    repetitions: int,
    one_by_one: bool,  # noqa: FBT001
) -> None:
    """Event logs delivered in any order, any number of times, alone or together: equal rows."""
    # One record for each event and rank, as application and collector make them: what is equal in
    # both is equal in content, so that no delivery comes first by chance.
    shuffled = events * repetitions
    random.shuffle(shuffled)
    batches = [[event] for event in shuffled] if one_by_one else [shuffled]
    with both() as (store, reference):
        tallies(store, batches)
        tallies(reference, [events])
        assert rows(store) == rows(reference)


@st.composite
def queries(draw: st.DrawFn, events: Sequence[EventLog]) -> EventQuery:
    """Draw a query whose values mostly occur."""
    filters: dict[str, list[Term]] = {}
    for field in draw(st.lists(st.sampled_from(FILTER_FIELDS), max_size=2, unique=True)):
        known = sorted({text for event in events if (text := text_of(event, field))} | {"a"})
        terms = []
        for value in draw(st.lists(st.sampled_from(known), min_size=1, max_size=2)):
            is_prefix = draw(st.booleans())
            cut = draw(st.integers(0, len(value))) if is_prefix else len(value)
            terms.append(Term(value[:cut], is_prefix, draw(st.booleans())))
        filters[field] = terms
    times = st.none() | st.sampled_from([*STARTS, NOW + SECOND, NOW - 2 * HOUR])
    words = st.sampled_from(["a", "AB", "é", "%", "pass", "01a", "8000"])
    return EventQuery(
        filters=filters,
        since_unix_nano=draw(times),
        until_unix_nano=draw(times),
        text=[
            Term(word, negated=draw(st.booleans())) for word in draw(st.lists(words, max_size=1))
        ],
        order=draw(st.sampled_from(["asc", "desc"])),
        limit=draw(st.integers(1, 5)),
    )


def pages(ask: Any, query: EventQuery) -> list[Any]:
    """Return all pages of a listing: what each holds and whether another follows."""
    found = []
    while True:
        items, cursor = ask(query)
        found.append(items)
        if cursor is None:
            return found
        assert isinstance(cursor, Cursor)
        query = replace(query, cursor=cursor)


@given(st.data())
@settings(max_examples=80)
def test_whatever_is_asked_the_answer_is_the_reference_s(data: st.DataObject) -> None:
    """Pages, requests, counts of all kinds and tail of any query are those of the reference."""
    events = data.draw(st.lists(event_logs(), max_size=20))
    with both() as (store, reference):
        ends = [store.position(), reference.position()]
        tallies(store, [events])
        tallies(reference, [events])
        query = data.draw(queries(events))
        state = data.draw(st.none() | st.sampled_from(list(RequestState)))
        fields = data.draw(st.lists(st.sampled_from(FILTER_FIELDS), max_size=3, unique=True))

        def answers(each: Store, position: str) -> list[Any]:
            def page(asked: EventQuery) -> Any:
                found = each.find(asked)
                return [event.event_id for event in found.events], found.next_cursor

            def requests(asked: EventQuery) -> Any:
                found = each.requests(asked, state, NOW - 6 * HOUR)
                ids = [
                    (pair.start and pair.start.event_id, pair.outcome and pair.outcome.event_id)
                    for pair in found.requests
                ]
                return ids, found.next_cursor

            buckets = each.histogram(query, NOW - 4 * DAY, NOW + 2 * DAY, 7 * HOUR)
            return [
                pages(page, query),
                pages(requests, query),
                [dict(bucket.counts) for bucket in buckets],
                {name: list(values) for name, values in each.facets(query, fields, 3).items()},
                sorted(event.event_id for _, event in each.tail(position, query, 100).events),
                [
                    (
                        figures.action,
                        figures.slices,
                        figures.error_types,
                        sum(count.outcomes for count in figures.durations),
                    )
                    for figures in each.action_figures(query, NOW - 4 * DAY, NOW + DAY, 7 * HOUR)
                ],
            ]

        assert answers(store, ends[0]) == answers(reference, ends[1])
