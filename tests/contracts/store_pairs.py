"""Pairs: both event logs of a request in one. Part of the battery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_eventlog.model import EventLog, Rank, Status
from otel_eventlog.pairs import Pair, PairTemplate
from otel_eventlog_collector.protocols import Store, WriteResult
from otel_eventlog_collector.query import EventQuery
from tests.contracts.store_harness import (
    MS,
    Opener,
    StoreHarness,
    comparable,
    drain,
    everything,
    login,
    put,
    start_of,
)
from tests.support.builders import NOW, event_log
from tests.support.clock import DAY, HandClock

NOTHING = {"span_id": 0, "start_unix_nano": 0, "time_unix_nano": 0, "trace_id": 0}


def template(status: Status = Status.SUCCESS, **changes: Any) -> PairTemplate:
    """Return what some requests have in common."""
    changes = {"rank": Rank.DERIVED, **NOTHING, **changes}
    return PairTemplate(event_log(Status.START, **changes), event_log(status, **changes))


SHARED = template()


def pair(number: int, at: int = NOW, of: PairTemplate = SHARED, **changes: Any) -> Pair:
    """Return request number so-and-so, which started at a time."""
    nothing = Pair(of, at, at + 12 * MS, number, b"", 0, *[None] * 11)
    return nothing._replace(**changes)


def put_pairs(store: Store, *pairs: Pair) -> WriteResult:
    """Write pairs and wait until they are on disk."""
    return store.write((), pairs).result(timeout=30)


class PairTests(StoreHarness):
    """A pair is its two event logs, however it is stored."""

    def test_every_field_of_a_pair_comes_back(self, store: Store, clock: HandClock) -> None:
        """Both event logs of a pair are read back as it names them, field by field."""
        full = pair(
            2**64 - 1,
            trace_id=b"\xff" * 16,
            parent_span_id=2**63,
            correlation_id="corr-1",
            flow_id="flow-1",
            client_address="2001:db8::7",
            user_agent="tests/1.0",
            user_id="u-Zoë",
            organization_id="org-1",
            client_id="client-1",
            session_token_hash="5e55",
            session_jwt_hash="1a77",
            error_message="Wrong password",
            attributes={"provider": "google", "tries": 3},
        )
        assert put_pairs(store, full, pair(1)) == WriteResult(stored=4)
        for event in (*full.event_logs(), *pair(1).event_logs()):
            wanted = replace(event, observed_unix_nano=clock.now)
            assert comparable(store.event(event.event_uuid_int)) == comparable(wanted)

    def test_pairs_are_idempotent(self, store: Store, opener: Opener) -> None:
        """The same pairs sent again, with new ones among them, are duplicates."""
        put_pairs(store, *[pair(n) for n in range(1, 10)])
        assert put_pairs(store, *[pair(n) for n in range(1, 12)]) == WriteResult(
            stored=4, duplicates=18
        )
        assert put_pairs(store, pair(20), pair(20)) == WriteResult(stored=2, duplicates=2)
        assert len(everything(store)) == 24

    def test_a_pair_equals_its_event_logs(self, store: Store) -> None:
        """A pair after its own event logs, or before them, changes nothing."""
        put(store, *pair(1).event_logs())
        assert put_pairs(store, pair(1), pair(2)) == WriteResult(stored=2, duplicates=2)
        assert put(store, *pair(2).event_logs()) == WriteResult(duplicates=2)
        assert len(everything(store)) == 4

    def test_a_pair_completes_a_lone_start(self, store: Store) -> None:
        """The application's start stays, the derived outcome is added."""
        put(store, start_of(login(1)))
        assert put_pairs(store, pair(1)) == WriteResult(stored=1, duplicates=1)
        ranks = {event.status: event.rank for event in everything(store)}
        assert ranks == {Status.START: Rank.APP, Status.SUCCESS: Rank.DERIVED}

    @pytest.mark.parametrize("half", ["start", "outcome", "both"])
    def test_the_application_replaces_half_a_pair(self, store: Store, half: str) -> None:
        """A half of higher rank replaces that of the pair; only what changed comes again."""
        put_pairs(store, pair(1, user_id="u-derived", client_address="192.0.2.1"))
        position = store.position()
        outcome = login(1, user_id="u-app", status=Status.ERROR)
        start = start_of(login(1), flow_id="flow-app")
        given = {"start": [start], "outcome": [outcome], "both": [start, outcome]}[half]
        assert put(store, *given) == WriteResult(replaced=len(given))
        assert {event.event_id for event in drain(store, position)} == {
            event.event_id for event in given
        }
        found = {event.status is Status.START: event for event in everything(store)}
        assert len(found) == 2
        assert found[True].flow_id == (None if half == "outcome" else "flow-app")
        assert found[True].user_id is None
        assert found[True].client_address == ("192.0.2.1" if half == "outcome" else None)
        assert found[False].user_id == ("u-derived" if half == "start" else "u-app")

    def test_a_renamed_outcome_takes_the_start_along(self, store: Store) -> None:
        """An outcome of higher rank with another action renames the start of the pair as well."""
        put_pairs(store, pair(1, user_id="u-1", correlation_id="c-1"))
        position = store.position()
        put(store, login(1, action="Renamed", category="other"))
        found = everything(store)
        assert {(event.action, event.category) for event in found} == {("Renamed", "other")}
        assert {event.correlation_id for event in found} == {"c-1", None}
        assert len(drain(store, position)) == 2

    def test_the_action_of_a_pair_is_its_outcome_s(self, store: Store) -> None:
        """A pair whose halves differ in their action has the outcome's."""
        mixed = PairTemplate(template(action="Early").start, template(action="Late").outcome)
        put_pairs(store, pair(1, of=mixed))
        assert {event.action for event in everything(store)} == {"Late"}

    def test_conflicting_pairs(self, store: Store) -> None:
        """At equal rank the first pair stays; an outcome of another status is a conflict."""
        put_pairs(store, pair(1))
        failed = pair(1, of=template(Status.ERROR))
        assert put_pairs(store, failed) == WriteResult(duplicates=1, conflicts=1)
        assert put_pairs(store, pair(1, user_id="x")) == WriteResult(duplicates=2)

    def test_pairs_of_many_days(self, store: Store) -> None:
        """Pairs of many days at once, expired ones among them, are told apart."""
        pairs = [pair(n, at=NOW - n * DAY) for n in range(1, 36)]
        result = store.write([login(100)], pairs).result(timeout=30)
        assert result == WriteResult(stored=61, rejected=10)
        assert len(everything(store)) == 61

    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_halves_of_pairs_are_listed_by_their_own_time(self, store: Store, order: Any) -> None:
        """A listing has every half at its own time, whatever shares a row."""
        pairs = [pair(n, at=NOW + n * 5 * MS) for n in range(1, 30)]
        put_pairs(store, *pairs)
        wanted = sorted(
            (event for each in pairs for event in each.event_logs()),
            key=lambda event: (event.time_unix_nano, event.event_uuid_int),
            reverse=order == "desc",
        )
        found = everything(store, EventQuery(order=order, limit=7))
        assert [event.event_id for event in found] == [event.event_id for event in wanted]

    def test_the_tail_stops_between_the_halves(self, store: Store) -> None:
        """Reading on after the first half of a pair brings the second, and nothing twice."""
        position = store.position()
        put_pairs(store, *[pair(n) for n in range(1, 4)])
        found: list[EventLog] = []
        while batch := store.tail(position, EventQuery(), 1).events:
            found.append(batch[0][1])
            position = batch[0][0]
        assert [event.span_id for event in found] == [1, 1, 2, 2, 3, 3]
        assert len({event.event_id for event in found}) == 6

    def test_an_unstorable_pair_costs_no_other(self, store: Store) -> None:
        """What no database takes is rejected alone; the start of that request can be held."""
        bad = pair(2, user_id="\ud800")
        result = put_pairs(store, pair(1), bad, pair(3))
        assert result.stored in (5, 6)
        assert result.rejected == 6 - result.stored
        assert {event.span_id for event in everything(store)} >= {1, 3}
