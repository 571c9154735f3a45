"""Reading: listings, filters, pages, requests. Part of the battery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_eventlog.model import EventLog, Status
from otel_eventlog_collector.errors import QueryError
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import Store
from otel_eventlog_collector.query import FILTER_FIELDS, EventQuery, RequestState, Term
from tests.contracts.store_harness import (
    FULL,
    MS,
    StoreHarness,
    comparable,
    everything,
    first_of,
    login,
    put,
    query,
    start_of,
    texts,
)
from tests.support.builders import NOW, event_log
from tests.support.clock import DAY, HOUR, SECOND


class ReadingTests(StoreHarness):
    """Reading: listings, filters, pages, requests."""

    # --- find ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("order", ["desc", "asc"])
    def test_order_is_by_time_then_id(self, store: Store, order: Any) -> None:
        """Listings are ordered by time, and event logs of the same time by their id."""
        spans, times = (2**64 - 1, 1, 2**63), (NOW, NOW + MS)
        events = [login(span, at=time) for span in spans for time in times]
        put(store, *events)
        wanted = sorted(events, key=lambda event: (event.time_unix_nano, event.event_uuid_int))
        found = texts(everything(store, EventQuery(order=order)))
        assert found == texts(wanted if order == "asc" else wanted[::-1])

    @pytest.mark.parametrize("order", ["desc", "asc"])
    @pytest.mark.parametrize("limit", [1, 7, 1000])
    def test_pages_neither_skip_nor_repeat(self, store: Store, order: Any, limit: int) -> None:
        """Pages laid end to end are the whole listing, over days that overlap in time."""
        events = [
            login(n, at=NOW - (n % 4) * DAY, time_unix_nano=NOW - n % 7 * HOUR)
            for n in range(1, 51)
        ]
        put(store, *events)
        found = everything(store, EventQuery(order=order, limit=limit))
        wanted = sorted(events, key=lambda event: (event.time_unix_nano, event.event_uuid_int))
        assert texts(found) == texts(wanted if order == "asc" else wanted[::-1])

    def test_pages_hold_while_rows_arrive(self, store: Store) -> None:
        """Event logs that arrive between two pages move nothing: none skipped, none repeated."""
        old = [login(n, at=NOW - n * MS) for n in range(1, 31)]
        put(store, *old)
        asked, found = EventQuery(limit=4), list[EventLog]()
        for number in range(1000, 2000):
            page = store.find(asked)
            found += page.events
            if page.next_cursor is None:
                break
            asked = replace(asked, cursor=page.next_cursor)
            put(store, login(number, at=NOW + number * MS))
        assert texts(found) == texts(old)

    def test_the_last_page_has_no_cursor(self, store: Store) -> None:
        """A page that ends exactly with the last event log has no next cursor."""
        put(store, *[login(n) for n in range(1, 5)])
        assert store.find(EventQuery(limit=4)).next_cursor is None
        assert store.find(EventQuery(limit=3)).next_cursor is not None

    def test_since_is_inclusive_and_until_exclusive(self, store: Store) -> None:
        """`since` takes its own moment in, `until` leaves it out."""
        events = [login(n, at=NOW, time_unix_nano=NOW + n) for n in range(1, 6)]
        put(store, *events)
        asked = EventQuery(since_unix_nano=NOW + 2, until_unix_nano=NOW + 4, order="asc")
        assert texts(everything(store, asked)) == texts(events[1:3])

    def test_times_beyond_any_database_are_no_error(self, store: Store) -> None:
        """Bounds that no time can reach select everything or nothing."""
        put(store, login(1))
        far = 10**30
        assert len(everything(store, EventQuery(since_unix_nano=-far, until_unix_nano=far))) == 1
        assert everything(store, EventQuery(since_unix_nano=far)) == []

    @pytest.mark.parametrize("limit", [0, -1, 1001])
    def test_limits_out_of_range_are_refused(self, store: Store, limit: int) -> None:
        """A page of no or too many event logs is a query error that names the field."""
        with pytest.raises(QueryError) as caught:
            store.find(EventQuery(limit=limit))
        assert caught.value.field == "limit"

    @pytest.mark.parametrize("field", FILTER_FIELDS)
    def test_every_field_is_a_filter(self, store: Store, field: str) -> None:
        """Each field finds the event logs with exactly its value, prefix or other value."""
        one = event_log(**FULL)
        other = login(7, action="Other", category="x", service="y", trace_id=1, project="z")
        put(store, one, replace(other, status=Status.START, time_unix_nano=NOW))
        value = str(event_json(one)[field])
        assert texts(everything(store, query(**{field: value}))) == [one.event_id]
        assert one.event_id in texts(
            everything(store, query(**{field: Term(value[:3], prefix=True)}))
        )
        longer = Term(value + "0", prefix=True)
        assert everything(store, query(**{field: longer})) == []
        assert one.event_id not in texts(
            everything(store, query(**{field: Term(value, negated=True)}))
        )
        assert everything(store, query(**{field: "no such value"})) == []

    def test_repeated_terms_are_alternatives(self, store: Store) -> None:
        """Several plain terms of one field are alternatives; fields must all pass."""
        put(store, *[login(n, user_id=f"u-{n}", client_id=f"c-{n % 2}") for n in range(1, 7)])
        users = [Term("u-1"), Term("u-2"), Term("u-3")]
        assert len(everything(store, query(user_id=users))) == 3
        assert len(everything(store, query(user_id=users, client_id="c-1"))) == 2

    def test_negated_terms_exclude(self, store: Store) -> None:
        """A negated term excludes its value, and keeps event logs without any value."""
        put(store, login(1, user_id="a"), login(2, user_id="b"), login(3))
        found = everything(store, query(user_id=Term("a", negated=True)))
        assert {event.user_id for event in found} == {"b", None}
        terms = [Term("", prefix=True), Term("a", negated=True)]
        assert [event.user_id for event in everything(store, query(user_id=terms))] == ["b"]

    def test_prefixes_are_literal_and_mind_case(self, store: Store) -> None:
        """A prefix is plain text: no wildcard in it has a meaning, and case counts."""
        put(store, login(1, user_id="a%b"), login(2, user_id="aXb"), login(3, user_id="A%b"))
        found = everything(store, query(user_id=Term("a%", prefix=True)))
        assert [event.user_id for event in found] == ["a%b"]

    def test_ids_are_found_in_either_case(self, store: Store) -> None:
        """Ids given in capitals find the same event logs."""
        event = event_log(**FULL)
        put(store, event)
        for field in ("event_id", "request_id", "trace_id", "span_id", "parent_span_id"):
            value = str(event_json(event)[field]).upper()
            assert len(everything(store, query(**{field: value}))) == 1, field

    @pytest.mark.parametrize("field", ["event_id", "request_id", "trace_id", "span_id"])
    def test_ids_are_found_by_every_prefix(self, store: Store, field: str) -> None:
        """Every prefix of an id's text finds it, and the neighbour only while they are equal."""
        one = login(0xFEDCBA9876543210, trace_id=0xA << 124)
        two = login(0x0123456789ABCDEF, at=NOW + 5 * MS, trace_id=0xAB << 120)
        put(store, one, two)
        text, other = str(event_json(one)[field]), str(event_json(two)[field])
        for length in range(1, len(text) + 1):
            found = everything(store, query(**{field: Term(text[:length], prefix=True)}))
            wanted = 1 + other.startswith(text[:length])
            assert len(found) == wanted, text[:length]

    def test_text_is_found_anywhere(self, store: Store) -> None:
        """Free text is found inside names and messages and begins ids, whatever its case."""
        event = event_log(**FULL)
        put(store, event, login(9, at=NOW - HOUR, trace_id=5))
        needles = ["WRONG pass", "zoë", "ZOË", "ORG-1", "db8", "invalid_", event.event_id]
        needles += [f"{event.trace_id:032X}"[:20], f"{event.span_id:016x}"[:8]]
        for needle in needles:
            found = everything(store, EventQuery(text=[Term(needle)]))
            assert texts(found) == [event.event_id], needle
            found = everything(store, EventQuery(text=[Term(needle, negated=True)]))
            assert event.event_id not in texts(found), needle

    def test_text_finds_no_id_by_its_middle_or_by_a_few_digits(self, store: Store) -> None:
        """An id is found by eight digits of its beginning, not by seven, and not by its end."""
        event = login(0xFEDCBA9876543210, trace_id=0xABCDEF01 << 96)
        put(store, event)
        for field in ("event_id", "request_id", "trace_id", "span_id"):
            text = str(event_json(event)[field])
            for begin in (text[:8], text[:12], text, text.upper()):
                found = everything(store, EventQuery(text=[Term(begin)]))
                assert texts(found) == [event.event_id], begin
            for other in (text[:7], text[1:], text + "0"):
                assert everything(store, EventQuery(text=[Term(other)])) == [], other

    def test_text_has_no_wildcards(self, store: Store) -> None:
        """Percent, underscore and backslash in free text mean themselves."""
        put(store, login(1, error_message="100% _done\\"), login(2, error_message="1000 xdone/"))
        for needle in ("100%", "_done", "done\\"):
            assert len(everything(store, EventQuery(text=[Term(needle)]))) == 1, needle

    # --- one event, one request, one trace ----------------------------------------------------

    def test_one_event_by_id(self, store: Store) -> None:
        """An event log is found by its id, its other half is not, and an unknown id is None."""
        put(store, login(1))
        assert comparable(store.event(login(1).event_uuid_int)) is not None
        for unknown in (start_of(login(1)).event_uuid_int, login(2).event_uuid_int, 0, 2**128 - 1):
            assert store.event(unknown) is None

    def test_one_request_by_id(self, store: Store) -> None:
        """A request is found by its id with both halves; an event's id is not a request's."""
        outcome = login(1)
        put(store, outcome, start_of(outcome), login(2))
        found = store.request(outcome.request_uuid_int)
        assert found is not None
        assert found.start is not None
        assert found.outcome is not None
        assert found.start.request_id == found.outcome.request_id == outcome.request_id
        for unknown in (outcome.event_uuid_int, login(3).request_uuid_int, 0):
            assert store.request(unknown) is None

    def test_a_trace_oldest_first(self, store: Store) -> None:
        """All event logs of a trace come oldest first, over days."""
        events = [login(n, at=NOW - n * 10 * HOUR, trace_id=77) for n in range(1, 6)]
        put(store, *events, login(9, trace_id=78), login(10, trace_id=0))
        of_trace = replace(query(trace_id=f"{77:032x}"), order="asc")
        assert texts(everything(store, of_trace)) == texts(events[::-1])

    # --- requests -----------------------------------------------------------------------------

    def test_the_state_of_a_request(self, store: Store) -> None:
        """A start alone is in progress until the given time, then without outcome."""
        done, young, old = login(1), login(2, at=NOW - HOUR), login(3, at=NOW - 3 * HOUR)
        put(store, done, start_of(done), start_of(young), start_of(old), login(4, at=NOW - DAY))

        def spans(state: RequestState | None) -> list[int]:
            page = store.requests(EventQuery(), state, NOW - 2 * HOUR)
            return [first_of(pair).span_id for pair in page.requests]

        assert spans(RequestState.IN_PROGRESS) == [2]
        assert spans(RequestState.NO_OUTCOME) == [3]
        assert spans(RequestState.FINISHED) == [1, 4]
        assert spans(None) == [1, 2, 3, 4]

    def test_the_moment_of_no_outcome(self, store: Store) -> None:
        """A request that started exactly at the given time has no outcome any more."""
        put(store, start_of(login(1)))
        assert not store.requests(EventQuery(), RequestState.IN_PROGRESS, NOW).requests
        assert store.requests(EventQuery(), RequestState.IN_PROGRESS, NOW - 1).requests

    def test_a_request_passes_by_either_half(self, store: Store) -> None:
        """A request is listed once, whole, when its start or its outcome passes the filters."""
        outcome = login(1, user_id="u-1")
        put(store, outcome, start_of(outcome, user_id=None), login(2, at=NOW - HOUR))
        for asked in (query(user_id="u-1"), query(status="start"), query(span_id=f"{1:016x}")):
            (found,) = store.requests(asked, None, 0).requests
            assert found.start is not None
            assert found.outcome is not None

    @pytest.mark.parametrize("order", ["desc", "asc"])
    def test_pages_of_requests(self, store: Store, order: Any) -> None:
        """Pages of requests laid end to end are all requests, by their first event log."""
        for n in range(1, 21):
            outcome = login(n, at=NOW - n * 7 * HOUR)
            put(store, *([outcome] if n % 3 else [outcome, start_of(outcome)]))
        asked, spans = EventQuery(limit=3, order=order), list[int]()
        while True:
            page = store.requests(asked, None, 0)
            spans += [first_of(pair).span_id for pair in page.requests]
            if page.next_cursor is None:
                break
            asked = replace(asked, cursor=page.next_cursor)
        wanted = list(range(1, 21))
        assert spans == (wanted if order == "desc" else wanted[::-1])

    def test_a_request_that_ends_inside_the_times(self, store: Store) -> None:
        """A request that began before `since` is listed when its outcome lies within."""
        long = login(1, at=NOW - HOUR, time_unix_nano=NOW)
        put(store, long, start_of(long), login(2, at=NOW - 2 * HOUR))
        asked = EventQuery(since_unix_nano=NOW - SECOND)
        (found,) = store.requests(asked, None, 0).requests
        assert found.start is not None
        assert found.start.span_id == 1
