"""Erasure of a user. Part of the battery."""

from __future__ import annotations

import pytest

from otel_eventlog.model import Rank, Status
from otel_eventlog_collector.protocols import ErasureReport, Store, WriteResult
from otel_eventlog_collector.query import EventQuery
from tests.contracts.store_harness import (
    Opener,
    StoreHarness,
    drain,
    everything,
    login,
    put,
    start_of,
)
from tests.support.builders import NOW
from tests.support.clock import DAY, HOUR, HandClock


class ErasureTests(StoreHarness):
    """A user's requests go, whole, and cannot come back."""

    def test_whole_requests_go(self, store: Store) -> None:
        """Both halves of every request of a user go, on all days; nobody else's do."""
        mine = [login(n, at=NOW - n * 5 * HOUR, user_id="u-1") for n in range(1, 11)]
        other = [login(n, at=NOW - n * 5 * HOUR, user_id="u-2") for n in range(11, 15)]
        put(store, *mine, *map(start_of, mine[::2]), *other)
        put(store, *[start_of(event, user_id=None) for event in (*mine[1::2], *other)])
        assert store.erase_user("u-1") == ErasureReport(requests=10, events=20)
        assert {event.span_id for event in everything(store)} == {11, 12, 13, 14}
        assert len(everything(store)) == 8
        assert store.status().events == 8
        assert store.erase_user("u-1") == ErasureReport()

    def test_counts_follow(self, store: Store) -> None:
        """Histogram and facets count what is left."""
        put(store, login(1, user_id="u-1", action="Rare"), login(2, user_id="u-2"))
        store.erase_user("u-1")
        assert store.facets(EventQuery(), ["action", "user_id"], 5) == {
            "action": [("PasswordsAuthenticate", 1)],
            "user_id": [("u-2", 1)],
        }
        (bucket,) = store.histogram(EventQuery(), NOW - HOUR, NOW + HOUR, 2 * HOUR)
        assert sum(bucket.counts.values()) == 1

    @pytest.mark.parametrize("rank", list(Rank))
    def test_nothing_comes_back(self, store: Store, opener: Opener, rank: Rank) -> None:
        """Either half that is delivered again is a duplicate, whatever it says and however late."""
        outcome = login(1, user_id="u-1", rank=Rank.DERIVED)
        put(store, outcome)
        store.erase_user("u-1")
        again = [
            login(1, user_id=None, rank=rank, status=Status.ERROR, action="Other"),
            start_of(outcome, rank=rank),
        ]
        assert put(store, *again) == WriteResult(duplicates=2)
        assert everything(store) == []
        assert store.request(outcome.request_uuid_int) is None
        assert store.requests(EventQuery(), None, 0).requests == []

    def test_a_watcher_sees_nothing_of_it(self, store: Store) -> None:
        """Who resumes from before the erased event logs gets the others, and no gap is told."""
        position = store.position()
        put(store, *[login(n, user_id=f"u-{n % 2}") for n in range(1, 9)])
        store.erase_user("u-1")
        assert [event.span_id for event in drain(store, position)] == [2, 4, 6, 8]
        assert not store.tail(position, EventQuery(), 10).gap

    def test_retention_forgets_what_was_erased(self, store: Store, clock: HandClock) -> None:
        """The bare ids go with their day."""
        put(store, login(1, at=NOW - 29 * DAY, user_id="u-1"), login(2))
        store.erase_user("u-1")
        clock.forward(3 * DAY)
        store.purge()
        assert store.status().segments == 1
        assert put(store, login(1, at=NOW - 29 * DAY)) == WriteResult(rejected=1)
