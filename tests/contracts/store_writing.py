"""Writing: nothing lost, nothing twice, the merge of both sides. Part of the battery."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from otel_eventlog.model import EventLog, Rank, Status
from otel_eventlog_collector.protocols import Store, WriteResult
from tests.contracts.store_harness import (
    FULL,
    MS,
    StoreHarness,
    comparable,
    everything,
    login,
    put,
    start_of,
)
from tests.support.builders import NOW, event_log
from tests.support.clock import DAY, HOUR, HandClock


class WritingTests(StoreHarness):
    """Writing: nothing lost, nothing twice, the merge of both sides."""

    # --- what is written is read --------------------------------------------------------------

    @pytest.mark.parametrize("status", list(Status))
    def test_every_field_comes_back(self, store: Store, status: Status) -> None:
        """An event log with a value in every field is read back equal, field by field."""
        event = event_log(status, **FULL)
        assert put(store, event) == WriteResult(stored=1)
        assert comparable(store.event(event.event_uuid_int)) == comparable(event)

    def test_absent_fields_come_back_absent(self, store: Store, clock: HandClock) -> None:
        """An event log with nothing but what it must have is read back with nothing added."""
        event = EventLog(Status.SUCCESS, "Custom", 1, NOW, NOW)
        put(store, event)
        wanted = replace(event, observed_unix_nano=clock.now)
        assert comparable(store.event(event.event_uuid_int)) == comparable(wanted)

    @pytest.mark.parametrize(
        "changes",
        [
            {"span_id": 2**64 - 1, "parent_span_id": 2**64 - 1, "trace_id": 2**128 - 1},
            {"span_id": 2**63, "parent_span_id": 1, "trace_id": 1},
            {"duration_ns": 0, "http_status_code": 0},
            {"duration_ns": 2**63 - 1, "http_status_code": 2**31 - 1},
            {"user_id": "", "flow_id": "", "error_message": ""},
            {"user_id": "日本語 🔑 \U0010ffff", "error_message": "a\nb\t'\"%_\\", "action": "É"},
            {"observed_unix_nano": NOW - 5 * HOUR},
        ],
    )
    def test_extreme_values_come_back(self, store: Store, changes: dict[str, Any]) -> None:
        """Largest ids and numbers, zero, empty strings and any Unicode are read back equal."""
        event = event_log(**{"observed_unix_nano": NOW, **changes})
        put(store, event)
        assert comparable(store.event(event.event_uuid_int)) == comparable(event)

    def test_attributes_of_every_type_come_back(self, store: Store) -> None:
        """Attributes keep their types: text, flags, numbers, and arrays of them."""
        attributes = {"text": "ü", "flag": True, "int": -5, "float": 0.5, "array": ("a", "b")}
        event = event_log(attributes=attributes)
        put(store, event)
        found = store.event(event.event_uuid_int)
        assert found is not None
        assert dict(found.attributes) | {"array": tuple(found.attributes["array"])} == attributes  # type: ignore[arg-type]
        assert found.attributes["flag"] is True

    def test_an_outcome_needs_no_start(self, store: Store) -> None:
        """An outcome whose start never came is stored, found and a request by itself."""
        put(store, event_log())
        found = store.request(event_log().request_uuid_int)
        assert found is not None
        assert found.start is None
        assert found.outcome is not None

    # --- idempotent, order-independent --------------------------------------------------------

    def test_writing_twice_is_writing_once(self, store: Store) -> None:
        """The same event logs sent again are duplicates and change nothing."""
        events = [start_of(login(n)) for n in range(5)] + [login(n) for n in range(5)]
        assert put(store, *events) == WriteResult(stored=10)
        before = [comparable(event) for event in everything(store)]
        assert put(store, *events) == WriteResult(duplicates=10)
        assert [comparable(event) for event in everything(store)] == before

    def test_duplicates_within_one_write(self, store: Store) -> None:
        """An event log that comes twice in one write is stored once and counted as a duplicate."""
        assert put(store, login(1), login(1), login(2)) == WriteResult(stored=2, duplicates=1)
        assert len(everything(store)) == 2

    def test_known_and_new_in_one_write(self, store: Store) -> None:
        """Known event logs do not keep new ones of the same write from being stored."""
        put(store, login(1), login(3))
        result = put(store, *[login(n) for n in range(1, 6)])
        assert result == WriteResult(stored=3, duplicates=2)
        assert len(everything(store)) == 5

    @pytest.mark.parametrize("app_first", [True, False])
    def test_the_higher_rank_holds(self, store: Store, *, app_first: bool) -> None:
        """The application's record replaces the derived one whole, whichever came first."""
        app = login(1, rank=Rank.APP, status=Status.ERROR, user_id=None, error_type="expired")
        derived = login(1, rank=Rank.DERIVED, user_id="u-1", attributes={"a": "b"})
        first, second = (app, derived) if app_first else (derived, app)
        put(store, first)
        result = put(store, second)
        assert result == (WriteResult(duplicates=1) if app_first else WriteResult(replaced=1))
        (found,) = everything(store)
        assert found.status is Status.ERROR
        assert found.user_id is None
        assert found.attributes == {}
        assert found.rank is Rank.APP

    def test_at_equal_rank_the_first_stays(self, store: Store) -> None:
        """Of two outcomes of equal rank the first stays; a differing status is a conflict."""
        put(store, login(1, status=Status.SUCCESS))
        assert put(store, login(1, status=Status.ERROR)) == WriteResult(conflicts=1)
        assert put(store, login(1, user_id="other")) == WriteResult(duplicates=1)
        (found,) = everything(store)
        assert found.status is Status.SUCCESS
        assert found.user_id is None

    def test_a_retry_with_another_end_is_the_same_event(self, store: Store) -> None:
        """The id is of the span's start, so an outcome with another end time is a duplicate."""
        put(store, login(1))
        assert put(store, login(1, time_unix_nano=NOW + HOUR)) == WriteResult(duplicates=1)

    @pytest.mark.parametrize("together", [True, False])
    @pytest.mark.parametrize("start_first", [True, False])
    def test_the_action_of_the_outcome_holds(
        self, store: Store, *, start_first: bool, together: bool
    ) -> None:
        """The outcome's action, category, method and factor hold for its start as well."""
        outcome = login(
            1, action="OTPsAuthenticate", category="otps", auth_method="otp", auth_factor="second"
        )
        start = start_of(login(1, auth_method="password"))
        events = (start, outcome) if start_first else (outcome, start)
        if together:
            assert put(store, *events) == WriteResult(stored=2)
        else:
            assert [put(store, event) for event in events] == [WriteResult(stored=1)] * 2
        found = store.request(outcome.request_uuid_int)
        assert found is not None
        assert found.start is not None
        assert found.start.status is Status.START
        assert found.start.action == "OTPsAuthenticate"
        assert found.start.category == "otps"
        assert found.start.auth_method == "otp"
        assert found.start.auth_factor == "second"

    def test_a_replaced_outcome_renames_again(self, store: Store) -> None:
        """When a higher rank replaces an outcome, its action holds for the start from then on."""
        put(store, start_of(login(1, action="A", rank=Rank.APP)))
        put(store, login(1, action="B", rank=Rank.DERIVED))
        put(store, login(1, action="C", rank=Rank.APP))
        put(store, start_of(login(1, action="D", rank=Rank.APP)))
        assert {event.action for event in everything(store)} == {"C"}

    def test_what_became_of_each_adds_up(self, store: Store) -> None:
        """The counts of a write add up to the number of event logs given."""
        put(store, login(1), login(2, rank=Rank.DERIVED))
        given = [
            login(1),
            login(1, status=Status.ERROR),
            login(2, rank=Rank.APP),
            login(3),
            login(4, at=NOW - 40 * DAY),
        ]
        assert put(store, *given) == WriteResult(
            stored=1, replaced=1, duplicates=1, conflicts=1, rejected=1
        )

    def test_writing_nothing(self, store: Store) -> None:
        """A write without event logs is answered like any other."""
        assert put(store) == WriteResult()

    def test_more_than_one_commit_holds(self, store: Store) -> None:
        """One large write over several days is stored whole."""
        events = [login(n, at=NOW - (n % 3) * DAY + n * MS) for n in range(1, 5001)]
        assert put(store, *events) == WriteResult(stored=5000)
        assert store.status().events == 5000

    def test_many_writers_at_once(self, store: Store) -> None:
        """Event logs written from many threads at once are all there when acknowledged."""
        results: list[WriteResult] = []

        def write(thread: int) -> None:
            for part in range(10):
                first = 1 + thread * 1000 + part * 10
                results.append(put(store, *[login(first + n) for n in range(10)]))

        threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [WriteResult(stored=10)] * 80
        assert len(everything(store)) == 800

    # --- accepted times -----------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("offset", "accepted"),
        [(-30 * DAY, True), (-30 * DAY - 1, False), (DAY, True), (DAY + 1, False), (-NOW, False)],
    )
    def test_accepted_times(self, store: Store, offset: int, *, accepted: bool) -> None:
        """A request that starts over 30 days ago or over 24 hours ahead is rejected and counted."""
        result = put(store, login(1, at=NOW + offset), login(2))
        assert result == WriteResult(stored=1 + accepted, rejected=1 - accepted)
        assert len(everything(store)) == 1 + accepted

    def test_an_unstorable_event_costs_no_other(self, store: Store) -> None:
        """A value that no database takes is rejected alone, without its neighbours."""
        bad = [login(2, user_id="\ud800"), login(3, duration_ns=2**70), login(4, trace_id=2**200)]
        result = put(store, login(1), *bad, login(5))
        assert result == WriteResult(stored=2, rejected=3)
        assert len(everything(store)) == 2
