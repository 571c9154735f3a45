"""The stream of commits, counts, retention and the life cycle. Part of the battery."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otel_eventlog.model import EventLog, Rank, Status
from otel_eventlog_collector.errors import QueryError, StoreUnavailable
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import Store, WriteResult
from otel_eventlog_collector.query import FILTER_FIELDS, EventQuery
from tests.contracts.store_harness import (
    FULL,
    MS,
    Opener,
    StoreHarness,
    comparable,
    drain,
    everything,
    login,
    put,
    query,
    start_of,
    texts,
)
from tests.support.builders import NOW, event_log
from tests.support.clock import DAY, HOUR, SECOND, HandClock


class StreamTests(StoreHarness):
    """The stream of commits, counts, retention and the life cycle."""

    # --- the stream of commits ----------------------------------------------------------------

    def test_the_tail_begins_at_its_position(self, store: Store) -> None:
        """The tail holds what was committed after the position, and nothing before."""
        put(store, login(1))
        position = store.position()
        assert drain(store, position) == []
        put(store, login(2), login(3, at=NOW - DAY))
        assert {event.span_id for event in drain(store, position)} == {2, 3}

    def test_the_tail_resumes_after_every_event(self, store: Store) -> None:
        """Resuming at the position of any event log brings exactly what came after it."""
        position = store.position()
        put(store, *[login(n, at=NOW - n * 5 * HOUR) for n in range(1, 13)])
        batch = store.tail(position, EventQuery(), 1000)
        whole = texts([event for _, event in batch.events])
        assert len(set(whole)) == 12
        for at, (after, _) in enumerate(batch.events):
            assert texts(drain(store, after)) == whole[at + 1 :]

    def test_the_tail_goes_on_in_batches(self, store: Store) -> None:
        """Batches of any size laid end to end are the whole tail."""
        position = store.position()
        put(store, *[login(n, at=NOW - n * 5 * HOUR) for n in range(1, 13)])
        found = list[EventLog]()
        while batch := store.tail(position, EventQuery(), 5).events:
            found += [event for _, event in batch]
            position = batch[-1][0]
        assert sorted(event.span_id for event in found) == list(range(1, 13))

    def test_the_tail_filters(self, store: Store) -> None:
        """The tail passes the filters, and moves on over what does not pass."""
        position = store.position()
        put(store, *[login(n, user_id=f"u-{n % 2}") for n in range(1, 7)])
        batch = store.tail(position, query(user_id="u-1"), 100)
        assert [event.span_id for _, event in batch.events] == [1, 3, 5]
        assert not batch.gap
        nothing = store.tail(position, query(user_id="nobody"), 100)
        assert nothing.events == []
        assert drain(store, nothing.position) == []

    def test_the_tail_sees_late_events(self, store: Store) -> None:
        """What arrives late, with an old start, is behind no position: commits count, not times."""
        put(store, login(1))
        position = store.position()
        put(store, login(2, at=NOW - 20 * DAY))
        assert [event.span_id for event in drain(store, position)] == [2]
        put(store, login(3, at=NOW - 25 * DAY), login(4, at=NOW - 15 * DAY))
        assert {event.span_id for event in drain(store, position)} == {2, 3, 4}

    def test_the_tail_shows_replacements(self, store: Store) -> None:
        """A replaced event log and a renamed start come again in the stream, duplicates do not."""
        put(store, start_of(login(1)), login(1, rank=Rank.DERIVED))
        position = store.position()
        put(store, login(1, rank=Rank.DERIVED))
        assert drain(store, position) == []
        put(store, login(1, rank=Rank.APP, action="Renamed"))
        found = drain(store, position)
        assert {event.status for event in found} == {Status.START, Status.SUCCESS}
        assert {event.action for event in found} == {"Renamed"}
        assert len(everything(store)) == 2

    @pytest.mark.parametrize("position", ["", "nonsense", "1.00000000.0", "1.zz", "x" * 100_000])
    def test_foreign_positions_are_refused(self, store: Store, position: str) -> None:
        """What is no position of this store is a query error that names the field."""
        with pytest.raises(QueryError) as caught:
            store.tail(position, EventQuery(), 10)
        assert caught.value.field == "position"

    def test_a_purged_position_has_a_gap(self, store: Store, clock: HandClock) -> None:
        """When event logs were purged before a watcher read them, the tail says so once."""
        position = store.position()
        put(store, login(1, at=NOW - 29 * DAY), login(2))
        clock.forward(3 * DAY)
        assert store.purge().events == 1
        batch = store.tail(position, EventQuery(), 10)
        assert batch.gap
        assert [event.span_id for _, event in batch.events] == [2]
        assert not store.tail(batch.position, EventQuery(), 10).gap

    def test_a_purge_of_what_was_read_is_no_gap(self, store: Store, clock: HandClock) -> None:
        """A watcher that had read everything misses nothing when days are purged."""
        put(store, login(1, at=NOW - 29 * DAY), login(2))
        position = store.position()
        clock.forward(3 * DAY)
        assert store.purge().events == 1
        assert not store.tail(position, EventQuery(), 10).gap

    # --- counts -------------------------------------------------------------------------------

    def test_the_histogram_is_exact(self, store: Store) -> None:
        """Each slice counts its event logs by status; empty slices are there, the last is cut."""
        moments = [0, 1, 59, 60, 61, 180, 239, 240]
        put(store, *[login(n, time_unix_nano=NOW + s * SECOND) for n, s in enumerate(moments, 1)])
        put(store, start_of(login(50)), login(51, status=Status.ERROR))
        found = store.histogram(EventQuery(), NOW, NOW + 230 * SECOND, 60 * SECOND)
        assert [bucket.from_unix_nano for bucket in found] == [
            NOW + n * 60 * SECOND for n in range(4)
        ]
        assert [bucket.counts.get("success", 0) for bucket in found] == [3, 2, 0, 1]
        assert [bucket.counts.get("start", 0) for bucket in found] == [1, 0, 0, 0]
        assert [bucket.counts.get("error", 0) for bucket in found] == [1, 0, 0, 0]

    def test_the_histogram_filters(self, store: Store) -> None:
        """The histogram counts only what passes, whatever kind of field is asked for."""
        put(store, *[login(n, at=NOW - n * HOUR, user_id=f"u-{n % 3}") for n in range(1, 50)])
        for asked in (query(user_id="u-1"), query(action="PasswordsAuthenticate")):
            buckets = store.histogram(asked, NOW - 3 * DAY, NOW + DAY, HOUR)
            total = sum(sum(bucket.counts.values()) for bucket in buckets)
            assert total == len(everything(store, asked))

    def test_counts_follow_replacements(self, store: Store) -> None:
        """After a replacement and a renaming, counts are those of the rows that are there."""
        put(store, start_of(login(1)), login(1, rank=Rank.DERIVED, status=Status.SUCCESS))
        put(store, login(1, rank=Rank.APP, status=Status.ERROR, action="Renamed"))
        (bucket,) = store.histogram(EventQuery(), NOW - HOUR, NOW + HOUR, 2 * HOUR)
        assert {status: n for status, n in bucket.counts.items() if n} == {"start": 1, "error": 1}
        assert store.facets(EventQuery(), ["action"], 10) == {"action": [("Renamed", 2)]}

    def test_a_slice_without_length_is_refused(self, store: Store) -> None:
        """A histogram of slices without length, or of too many, is a query error."""
        for bucket_ns in (0, 1):
            with pytest.raises(QueryError):
                store.histogram(EventQuery(), NOW, NOW + DAY, bucket_ns)

    def test_facets_are_exact(self, store: Store) -> None:
        """Facets rank values by their count, then by name; absent values are not counted."""
        put(store, *[login(n, at=NOW - n * HOUR, user_id=f"u-{n % 3}") for n in range(1, 8)])
        put(store, login(50, http_status_code=401), login(51, http_status_code=401))
        found = store.facets(EventQuery(), ["user_id", "http_status_code", "error_type"], 2)
        assert list(found["user_id"]) == [("u-1", 3), ("u-0", 2)]
        assert list(found["http_status_code"]) == [("401", 2)]
        assert list(found["error_type"]) == []
        bounded = EventQuery(since_unix_nano=NOW - 2 * HOUR)
        assert dict(store.facets(bounded, ["user_id"], 9)["user_id"]) == {"u-1": 1, "u-2": 1}

    @pytest.mark.parametrize("field", FILTER_FIELDS)
    def test_every_field_can_be_counted(self, store: Store, field: str) -> None:
        """Each filter field's values are counted as the text in which they are shown."""
        event = event_log(**FULL)
        put(store, event)
        assert list(store.facets(EventQuery(), [field], 5)[field]) == [
            (str(event_json(event)[field]), 1)
        ]

    # --- retention ----------------------------------------------------------------------------

    def test_nothing_older_is_returned(self, store: Store, clock: HandClock) -> None:
        """What is past retention is in no answer, even before a purge ran and within one day."""
        old = login(1, at=NOW - 30 * DAY + SECOND, trace_id=9, user_id="old")
        new = login(2, at=NOW - 30 * DAY + HOUR, trace_id=9)
        position = store.position()
        put(store, old, start_of(old), new)
        assert len(everything(store)) == 3
        clock.forward(2 * SECOND)
        assert texts(everything(store)) == [new.event_id]
        assert store.event(old.event_uuid_int) is None
        assert store.request(old.request_uuid_int) is None
        assert len(store.requests(EventQuery(), None, 0).requests) == 1
        assert texts(everything(store, query(trace_id=f"{9:032x}"))) == [new.event_id]
        assert texts(drain(store, position)) == [new.event_id]
        assert store.facets(EventQuery(), ["user_id"], 5) == {"user_id": []}
        (bucket,) = store.histogram(EventQuery(), NOW - 40 * DAY, NOW + DAY, 41 * DAY)
        assert sum(bucket.counts.values()) == 1

    def test_a_purge_removes_expired_days(self, store: Store, clock: HandClock) -> None:
        """A purge removes whole days past retention, reports them, and leaves the others."""
        put(store, *[login(n, at=NOW - n * DAY) for n in range(30)])
        assert store.purge() == replace(store.purge(), segments=[], events=0, bytes_freed=0)
        clock.forward(5 * DAY)
        report = store.purge()
        assert report.refused == ""
        assert report.events == len(report.segments)
        assert report.events == 4
        assert report.bytes_freed > 0
        assert store.status().events == 26
        assert len(everything(store)) == 26

    def test_purging_everything(self, store: Store, clock: HandClock) -> None:
        """After everything has expired the store is empty and goes on."""
        put(store, *[login(n, at=NOW - n * DAY) for n in range(5)])
        clock.forward(40 * DAY)
        assert store.purge().events == 5
        assert store.status().events == 0
        assert store.status().oldest_unix_nano is None
        assert put(store, login(9, at=clock.now)) == WriteResult(stored=1)
        assert len(everything(store)) == 1

    def test_a_redelivery_after_the_purge_is_rejected(self, store: Store, clock: HandClock) -> None:
        """What retention removed cannot come back."""
        put(store, login(1, at=NOW - 29 * DAY))
        clock.forward(3 * DAY)
        store.purge()
        assert put(store, login(1, at=NOW - 29 * DAY)) == WriteResult(rejected=1)

    # --- life cycle ---------------------------------------------------------------------------

    def test_status_tells_counts_and_times(self, store: Store) -> None:
        """The status counts event logs and names the oldest and newest time."""
        assert store.status().events == 0
        put(store, login(1, at=NOW - 2 * DAY), login(2))
        status = store.status()
        assert status.events == 2
        assert status.oldest_unix_nano == NOW - 2 * DAY + 12 * MS
        assert status.newest_unix_nano == NOW + 12 * MS
        assert status.segments == 2
        assert status.retention_ns == 30 * DAY
        assert status.bytes_on_disk > 0

    def test_everything_is_there_after_reopening(self, store: Store, opener: Opener) -> None:
        """A store that was closed and opened again holds the same, and positions stay valid."""
        put(store, login(1))
        position = store.position()
        put(store, *[login(n, at=NOW - n * HOUR) for n in range(2, 40)])
        before = [comparable(event) for event in everything(store)]
        store.close()
        again = opener()
        assert [comparable(event) for event in everything(again)] == before
        assert len(drain(again, position)) == 38
        assert put(again, login(1)) == WriteResult(duplicates=1)

    def test_closing_twice(self, store: Store) -> None:
        """Closing writes what waits; a second time is harmless, and writing is refused after it."""
        waiting = store.write([login(n) for n in range(1, 500)])
        store.close()
        assert waiting.result(timeout=0) == WriteResult(stored=499)
        store.close()
        with pytest.raises(StoreUnavailable):
            store.write([login(1)])
