"""The SQLite store equals the reference store, whatever arrives in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eventlog.model import EventLog, Rank, Status
from otel_eventlog.pairs import Pair, PairTemplate
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import Store
from otel_eventlog_collector.query import (
    FILTER_FIELDS,
    FREE_TEXT_IDS,
    Cursor,
    EventQuery,
    RequestState,
    Term,
)
from otel_eventlog_collector.store.sqlite import SqliteStore, candidates
from tests.support.builders import NOW
from tests.support.clock import DAY, HOUR, SECOND, HandClock
from tests.support.memory_store import MemoryStore, text_of
from tests.support.quick_directory import quick_directory
from tests.support.rollups import counted, recounted

SPANS = (1, 2, 2**63, 2**64 - 1)
STARTS = (NOW, NOW + 1, NOW - HOUR, NOW - 12 * HOUR, NOW - 3 * DAY)
texts = st.sampled_from([None, "a", "A", "ab", "a%", "É", "é b"])


@st.composite
def event_logs(draw: st.DrawFn) -> EventLog:
    """Draw event logs of which many share their request."""
    status = draw(st.sampled_from(list(Status)))
    start = draw(st.sampled_from(STARTS))
    is_start = status is Status.START
    elapsed = 0 if is_start else draw(st.sampled_from([0, 1, SECOND, 45 * SECOND, 2 * HOUR, DAY]))
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


@st.composite
def templates(draw: st.DrawFn) -> PairTemplate:
    """Draw what some pairs have in common; its halves need not even agree in their action."""
    start, outcome = (
        EventLog(
            status=status,
            action=draw(st.sampled_from(["PasswordsAuthenticate", "OTPsAuthenticate"])),
            span_id=0,
            start_unix_nano=0,
            time_unix_nano=0,
            category=draw(st.sampled_from(["", "otps"])),
            auth_method=draw(st.sampled_from([None, "password"])),
            rank=draw(st.sampled_from(list(Rank))),
        )
        for status in (Status.START, draw(st.sampled_from([Status.SUCCESS, Status.ERROR])))
    )
    return PairTemplate(start, outcome)


TEMPLATES = st.shared(st.lists(templates(), min_size=1, max_size=3), key="templates")


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Draw pairs of which many share their request, with each other and with event logs."""
    start = draw(st.sampled_from(STARTS))
    return Pair(
        template=draw(st.sampled_from(draw(TEMPLATES))),
        start_unix_nano=start,
        end_unix_nano=start + draw(st.sampled_from([0, 1, SECOND, 45 * SECOND, 2 * HOUR, DAY])),
        span_id=draw(st.sampled_from(SPANS)),
        trace_id=draw(st.sampled_from([b"", b"\x01" * 16, b"\xff" * 16])),
        parent_span_id=draw(st.sampled_from([0, 1, 2**63])),
        correlation_id=draw(texts),
        flow_id=draw(texts),
        client_address=draw(texts),
        user_agent=draw(texts),
        user_id=draw(texts),
        organization_id=draw(texts),
        client_id=draw(texts),
        session_token_hash=draw(texts),
        session_jwt_hash=draw(texts),
        error_message=draw(texts),
        attributes=draw(st.sampled_from([None, {}, {"a": "é", "n": 1}])),
    )


Batch: TypeAlias = tuple[list[EventLog], list[Pair]]
batches: st.SearchStrategy[Batch] = st.tuples(
    st.lists(event_logs(), max_size=6), st.lists(pairs(), max_size=4)
)


@contextmanager
def both(clock: HandClock | None = None) -> Iterator[tuple[SqliteStore, Store, Path]]:
    """Open the store under test and the reference store, both empty, and say where the first is."""
    clock = clock or HandClock()
    with quick_directory() as directory:
        store = SqliteStore(directory / "data", clock=clock, steady=lambda: clock.now)
        try:
            yield store, MemoryStore(clock), directory / "data"
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


def tallies(store: Store, given_batches: Sequence[Batch]) -> list[Any]:
    """Write batch by batch and return what became of each."""
    return [store.write(*batch).result(timeout=30) for batch in given_batches]


@given(st.lists(batches, max_size=5))
@settings(max_examples=50)
def test_whatever_arrives_the_rows_are_the_reference_s(given_batches: list[Batch]) -> None:
    """Any deliveries, with conflicts and renamings, leave the rows and counts of the reference.

    After each commit the rollups say what a recount of the rows says.
    """
    with both() as (store, reference, directory):
        for batch in given_batches:
            assert tallies(store, [batch]) == tallies(reference, [batch])
            assert counted(directory) == recounted(directory)
        assert rows(store) == rows(reference)


@given(st.lists(batches, max_size=4), st.lists(batches, max_size=3))
@settings(max_examples=50)
def test_the_tail_resumes_anywhere(before: list[Batch], later: list[Batch]) -> None:
    """A watcher that stopped after any event log gets each later version of each, and only once.

    Halves that share a row have a place each, and one that stays keeps it when the other leaves.
    """
    with both() as (store, _, _):
        tallies(store, before)
        start = store.position()
        tallies(store, later)
        whole = [event.event_id for _, event in store.tail(start, EventQuery(), 1000).events]
        assert len(set(whole)) == len(whole)
        for at, (position, _) in enumerate(store.tail(start, EventQuery(), 1000).events):
            rest = store.tail(position, EventQuery(), 1000).events
            assert [event.event_id for _, event in rest] == whole[at + 1 :]


@st.composite
def deliveries(draw: st.DrawFn) -> list[EventLog | Pair]:
    """Draw single event logs and pairs, one record for each event and rank.

    So application and collector make them: what is equal in both is equal in content, and no
    delivery comes first by chance.
    """
    known: set[tuple[int, int]] = set()
    result: list[EventLog | Pair] = []
    for item in draw(st.lists(st.one_of(event_logs(), pairs()), max_size=8)):
        events = item.event_logs() if isinstance(item, Pair) else (item,)
        keys = {(event.event_uuid_int, event.rank) for event in events}
        if not keys & known:
            known |= keys
            result.append(item)
    return result


@given(deliveries(), st.randoms(use_true_random=False), st.integers(1, 3), st.booleans())
@settings(max_examples=50)
def test_order_and_repetition_change_nothing(
    given_items: list[EventLog | Pair],
    random: Any,
    repetitions: int,
    one_by_one: bool,  # noqa: FBT001
) -> None:
    """Delivered in any order, any number of times, alone or together: equal rows and counts."""
    shuffled = given_items * repetitions
    random.shuffle(shuffled)
    with both() as (store, reference, directory):
        tallies(
            store, [batch_of([item]) for item in shuffled] if one_by_one else [batch_of(shuffled)]
        )
        tallies(reference, [batch_of(given_items)])
        assert rows(store) == rows(reference)
        assert counted(directory) == recounted(directory)


def batch_of(items: Sequence[EventLog | Pair]) -> Batch:
    """Return items as one write takes them."""
    return (
        [item for item in items if isinstance(item, EventLog)],
        [item for item in items if isinstance(item, Pair)],
    )


@given(st.lists(batches, min_size=1, max_size=4), st.lists(batches, max_size=3), texts)
@settings(max_examples=50)
def test_what_was_erased_stays_away(
    before: list[Batch], later: list[Batch], user_id: str | None
) -> None:
    """After an erasure, whatever is delivered again or anew, rows and counts are the reference's.

    No file holds the user's name any more where nobody else brings it.
    """
    user_id = f"user-{user_id}"
    named = [
        (events, [pair._replace(user_id=user_id) for pair in pairs]) for events, pairs in before
    ]
    with both() as (store, reference, directory):
        tallies(store, named)
        tallies(reference, named)
        for each in (user_id, "a"):
            found = store.erase_user(each), reference.erase_user(each)
            assert found[0] == found[1]
            assert rows(store) == rows(reference)
        assert counted(directory) == recounted(directory)
        files = [file.read_bytes() for file in directory.rglob("*") if file.is_file()]
        assert user_id.encode() not in b"".join(files)
        assert tallies(store, [*named, *later]) == tallies(reference, [*named, *later])
        assert rows(store) == rows(reference)
        assert counted(directory) == recounted(directory)


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
    ids = [str(event_json(event)[field]) for event in events[:2] for field in FREE_TEXT_IDS]
    begun = [text[:length] for text in ids for length in (7, 8, 13, len(text))]
    words = st.sampled_from(["a", "AB", "é", "%", "pass", "01a", "8000", "80000000", *begun])
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


AGES = (0, 27 * DAY + 1, 30 * DAY - 12 * HOUR, 30 * DAY - 12 * HOUR + 1, 30 * DAY - HOUR // 2)
"""How long ago it all was: some retention cuts through."""


@contextmanager
def few_are_many(data: st.DataObject) -> Iterator[None]:
    """Draw the numbers from which on another way of searching is taken: small ones, or the true."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CANDIDATES_MAX", "RARE_MAX", "WALK_COST"):
            limit = data.draw(st.sampled_from([0, 1, getattr(candidates, name)]), name)
            patch.setattr(candidates, name, limit)
        yield


@given(st.data())
@settings(max_examples=150)
def test_whatever_is_asked_the_answer_is_the_reference_s(data: st.DataObject) -> None:
    """Pages, requests, counts of all kinds and tail of any query are those of the reference.

    Sealed or not, cut by retention or not, and whichever way of searching is taken.
    """
    clock = HandClock()
    batch = data.draw(st.tuples(st.lists(event_logs(), max_size=16), st.lists(pairs(), max_size=8)))
    events = [*batch[0], *[event for pair in batch[1] for event in pair.event_logs()]]
    with few_are_many(data), both(clock) as (store, reference, _):
        ends = [store.position(), reference.position()]
        tallies(store, [batch])
        tallies(reference, [batch])
        clock.forward(data.draw(st.sampled_from(AGES), "age"))
        if data.draw(st.booleans(), "sealed"):
            store.seal(quiet_s=0)
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
                sorted(event.event_id for _, event in each.tail(position, query, 1000).events),
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
