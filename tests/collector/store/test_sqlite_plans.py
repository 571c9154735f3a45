"""How SQLite goes about the queries that have to be fast: by index, never through all rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog.model import Status
from otel_eventlog_collector.query import Cursor, EventQuery, RequestState, Term
from otel_eventlog_collector.store.sqlite import (
    SqliteStore,
    counts,
    listing,
    requests,
    segment_read,
)
from otel_eventlog_collector.store.sqlite.schema import is_sealed
from otel_eventlog_collector.store.sqlite.tiers import Stretch
from otel_eventlog_collector.store.sqlite.where import all_of
from tests.contracts.store_harness import login, put, start_of
from tests.contracts.store_pairs import pair, put_pairs, template
from tests.support.builders import NOW
from tests.support.clock import DAY, HandClock

YESTERDAY = NOW - DAY
FAILED = template(Status.ERROR, error_type="expired")


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the segments of a store: yesterday is sealed, today is not."""
    clock = HandClock()
    data = tmp_path_factory.mktemp("data")
    store = SqliteStore(data, clock=clock, steady=lambda: clock.now)
    for day in (YESTERDAY, NOW):
        pairs = [
            pair(n, at=day + n * 1000, user_id=f"u-{n % 50}", trace_id=n.to_bytes(16, "big"))
            for n in range(1, 2000)
        ]
        put_pairs(store, *pairs, pair(3000, at=day, of=FAILED))
        put(store, start_of(login(4000, at=day)), login(5000, at=day))
    assert store.seal(quiet_s=0) == ["2026-11-22"]
    store.close()
    return data / "segments"


class Watched:
    """A connection that remembers how SQLite goes about what it is asked for rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.steps: list[str] = []

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Execute, and note the plan."""
        plan = self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        self.steps += [row[3] for row in plan if "requests" in row[3]]
        return self._connection.execute(sql, parameters)


@pytest.fixture(params=["2026-11-22.db", "2026-11-23.db"])
def watched(segments: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a watched connection to the sealed day, and to the one that goes on."""
    with closing(sqlite3.connect(segments / request.param)) as connection:
        yield Watched(connection)


def asked(**filters: str) -> EventQuery:
    """Return a query with filters."""
    return EventQuery(filters={name: [Term(value)] for name, value in filters.items()})


LISTINGS: dict[str, tuple[Callable[[Any], object], set[str]]] = {
    "newest": (lambda c: listing.find(c, EventQuery(), 10, None), {"key", "end"}),
    "oldest": (lambda c: listing.find(c, EventQuery(order="asc"), 10, None), {"key", "end"}),
    "times": (
        lambda c: listing.find(c, EventQuery(since_unix_nano=NOW), 10, None),
        {"key", "end"},
    ),
    "next page": (
        lambda c: listing.find(c, EventQuery(cursor=Cursor(NOW, 1 << 100)), 10, None),
        {"key", "end"},
    ),
    "status": (lambda c: listing.find(c, asked(status="error"), 10, None), {"end"}),
    "user": (lambda c: listing.find(c, asked(user_id="u-1"), 10, None), {"user"}),
    "one request": (lambda c: segment_read.halves(c, 1 << 100, None), {"key"}),
    "unfinished": (
        lambda c: requests.find_requests(c, EventQuery(), (RequestState.NO_OUTCOME, NOW), 10, None),
        {"open", "key"},
    ),
    "requests": (
        lambda c: requests.find_requests(c, EventQuery(), (None, 0), 10, None),
        {"key", "startless"},
    ),
}


@pytest.mark.parametrize("name", LISTINGS)
def test_listings_go_by_their_index(watched: Any, name: str) -> None:
    """Each walks or looks into its own index, in a sealed day and in one that goes on."""
    ask, wanted = LISTINGS[name]
    ask(watched)
    by_rowid = "SEARCH requests USING INTEGER PRIMARY KEY (rowid=?)"
    steps = [step for step in watched.steps if step != by_rowid]
    used = {
        word.removeprefix("requests_")
        for step in steps
        for word in step.split()
        if "requests_" in word
    }
    assert used == wanted
    assert all("INDEX" in step for step in steps)


KEYS = {
    "trace_id": f"{7:032x}",
    "span_id": f"{7:016x}",
    "organization_id": "organization-test-1",
    "correlation_id": "c-1",
    "client_address": "192.0.2.7",
}


@pytest.mark.parametrize("field", KEYS)
@pytest.mark.parametrize("of_requests", [False, True], ids=["events", "requests"])
def test_rare_keys(watched: Any, field: str, of_requests: bool) -> None:  # noqa: FBT001
    """A sealed day has an index for each; in one that goes on, the rows are looked through once."""
    query = asked(**{field: KEYS[field]})
    if of_requests:
        requests.find_requests(watched, query, (None, 0), 10, None)
    else:
        listing.find(watched, query, 10, None)
    first, *others = watched.steps
    assert first.startswith("SEARCH requests USING" if is_sealed(watched) else "SCAN requests")
    assert all(step.startswith("SEARCH") for step in others), others


def test_counts_of_the_day_that_retention_cuts(segments: Path) -> None:
    """What is young though its request is old is found by two small looks, not by all outcomes."""
    with closing(sqlite3.connect(segments / "2026-11-22.db")) as connection:
        watched: Any = Watched(connection)
        for conditions in counts.lost_outcomes(EventQuery(), Stretch(0, NOW), YESTERDAY):
            where = all_of(conditions)
            sql = f"SELECT 1 FROM outcomes AS e WHERE {where.sql}"  # noqa: S608
            watched.execute(sql, where.parameters)
    assert "requests_key (start_ms>? AND start_ms<?)" in watched.steps[0]
    assert any("requests_long" in step for step in watched.steps[1:])
    assert not any("requests_end" in step for step in watched.steps)


def test_the_tail_goes_by_the_stream(watched: Any) -> None:
    """Reading on after a position looks at what was committed since, and at nothing else."""
    segment_read.committed(watched, EventQuery(), (10, 50), 10, None)
    assert {step.split("(")[1] for step in watched.steps} == {"rowid>? AND rowid<?)"}
