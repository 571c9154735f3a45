"""The writer: group commit, bounds, and what failures cost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog_collector.errors import Overloaded, StoreUnavailable
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import WriteResult
from otel_eventlog_collector.store.row import day_of
from otel_eventlog_collector.store.sqlite import SqliteStore, writer
from otel_eventlog_collector.store.sqlite.connect import open_writer
from otel_eventlog_collector.store.sqlite.open_segments import OPEN_SEGMENTS_MAX
from tests.contracts.store_harness import FULL, everything, login, put, start_of
from tests.support.builders import NOW, event_log
from tests.support.clock import DAY, HandClock

TODAY = day_of(NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Return an open store."""
    opened = SqliteStore(tmp_path / "data", clock=HandClock())
    yield opened
    opened.close()


def segment(tmp_path: Path, day: str = "2026-11-23") -> Path:
    """Return the path of a segment."""
    return tmp_path / "data" / "segments" / f"{day}.db"


class Held:
    """Holds the writer's thread between two commits, so that a test can fill the queue."""

    def __init__(self, store: SqliteStore) -> None:
        self._release = threading.Event()
        self.done = store._writer.order(lambda: self._release.wait(60))

    def __enter__(self) -> None:
        """Hold it."""

    def __exit__(self, *_: object) -> None:
        """Let it go."""
        self._release.set()


def test_the_settings_of_a_writing_connection(tmp_path: Path) -> None:
    """A writing connection is durable, erases what it deletes, and says so when asked."""
    with closing(open_writer(tmp_path / "new.db")) as connection:
        wanted: dict[str, Any] = {
            "journal_mode": "wal",
            "synchronous": 2,
            "secure_delete": 1,
            "busy_timeout": 5000,
            "wal_autocheckpoint": 8000,
            "page_size": 8192,
        }
        found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted}
    assert found == wanted


def test_one_commit_holds_all_that_waits(store: SqliteStore, tmp_path: Path) -> None:
    """Requests that wait together are written in one transaction."""
    put(store, login(1))
    with Held(store):
        waiting = [store.write([login(n)]) for n in range(2, 102)]
    assert [future.result(30) for future in waiting] == [WriteResult(stored=1)] * 100
    # In a write-ahead log the last frame of each commit says how large the file is from then on.
    wal = segment(tmp_path).with_name("2026-11-23.db-wal").read_bytes()
    frames = [wal[at : at + 24] for at in range(32, len(wal), 24 + 8192)]
    commits = sum(1 for frame in frames if int.from_bytes(frame[4:8], "big"))
    assert commits <= 4  # tables, first event log, the hundred


def test_a_full_queue_refuses_at_once(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its rows the queue refuses with Overloaded at once, and takes again once empty."""
    monkeypatch.setattr(writer, "QUEUE_EVENTS_MAX", 10)
    with Held(store):
        first = store.write([login(n) for n in range(1, 9)])
        with pytest.raises(Overloaded):
            store.write([login(n) for n in range(20, 25)])
        second = store.write([login(30)])
    assert first.result(30) == WriteResult(stored=8)
    assert second.result(30) == WriteResult(stored=1)
    assert put(store, *[login(n) for n in range(40, 60)]) == WriteResult(stored=20)


def test_a_full_queue_in_bytes(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its bytes the queue refuses as well."""
    monkeypatch.setattr(writer, "QUEUE_BYTES_MAX", 20_000)
    large = {"attributes": {"a": "x" * 15_000}}
    with Held(store):
        first = store.write([login(1, **large)])
        with pytest.raises(Overloaded):
            store.write([login(2, **large)])
    assert first.result(30) == WriteResult(stored=1)


def test_a_cancelled_write_is_not_stored(store: SqliteStore) -> None:
    """A write whose sender went away before its commit is left out, the others are not."""
    with Held(store):
        gone, other = store.write([login(1)]), store.write([login(2)])
        assert gone.cancel()
    assert other.result(30) == WriteResult(stored=1)
    assert len(everything(store)) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"user_id": "\ud800"},
        {"duration_ns": 2**63},
        {"http_status_code": 2**70},
        {"flow_id": ["a"]},
    ],
)
def test_a_poison_row_costs_only_itself(store: SqliteStore, bad: dict[str, Any]) -> None:
    """A row that the database does not take is rejected; all others of the commit are stored."""
    with Held(store):
        good = [store.write([login(n)]) for n in range(1, 16)]
        poisoned = store.write([login(100), login(101, **bad), start_of(login(100))])
    assert [future.result(30) for future in good] == [WriteResult(stored=1)] * 15
    assert poisoned.result(30) == WriteResult(stored=2, rejected=1)
    assert len(everything(store)) == 17


def test_a_full_disk_loses_nothing_acknowledged(store: SqliteStore, tmp_path: Path) -> None:
    """When the file cannot grow, writes fail as retryable, reads work, and it recovers alone."""
    put(store, login(1))

    def limit(pages: int) -> None:
        connection = store._writer._segments.get(TODAY).connection
        store._writer.order(
            lambda: connection.execute(f"PRAGMA max_page_count={pages}").fetchall()
        ).result(30)

    limit(1)  # SQLite takes the present size instead: the file cannot grow
    acknowledged = 1
    for round_number in range(20):
        first = 100 + round_number * 200
        future = store.write([login(first + n, user_id="u" * 50) for n in range(200)])
        error = future.exception(30)
        if error is not None:
            break
        acknowledged += 200
    assert isinstance(error, StoreUnavailable)
    assert len(everything(store)) == acknowledged
    limit(1_000_000)
    assert put(store, login(9000)) == WriteResult(stored=1)
    assert len(everything(store)) == acknowledged + 1


def test_a_foreign_lock_is_waited_for(store: SqliteStore, tmp_path: Path) -> None:
    """Another program that holds the file for a moment delays the commit and fails nothing."""
    put(store, login(1))
    with closing(sqlite3.connect(segment(tmp_path), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        future = store.write([login(2)])
        with pytest.raises(TimeoutError):
            future.result(0.3)
        connection.execute("COMMIT")
    assert future.result(30) == WriteResult(stored=1)


def test_a_removed_segment_is_noticed(store: SqliteStore, tmp_path: Path) -> None:
    """A file removed under the collector is made anew: nothing is acknowledged into nowhere."""
    put(store, login(1))
    for file in segment(tmp_path).parent.iterdir():
        file.unlink()
    assert put(store, login(2)) == WriteResult(stored=1)
    assert [event.span_id for event in everything(store)] == [2]


def test_more_days_than_stay_open(store: SqliteStore) -> None:
    """Event logs of many days at once are stored though few files stay open."""
    events = [login(n, at=NOW - n * DAY) for n in range(29)]
    assert put(store, *events, *[start_of(event) for event in events]) == WriteResult(stored=58)
    assert len(store._writer._segments) <= OPEN_SEGMENTS_MAX
    assert put(store, *events) == WriteResult(duplicates=29)
    assert len(everything(store)) == 58


def test_more_shapes_than_are_remembered(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Low-cardinality fields that are not low in fact are stored as well."""
    monkeypatch.setattr("otel_eventlog_collector.store.sqlite.numbers.CACHED_MAX", 10)
    events = [login(n, error_type=f"e-{n % 60}", user_agent=f"a-{n % 70}") for n in range(1, 200)]
    assert put(store, *events) == WriteResult(stored=199)
    found = {event.span_id: (event.error_type, event.user_agent) for event in everything(store)}
    assert found == {n: (f"e-{n % 60}", f"a-{n % 70}") for n in range(1, 200)}


def test_people_can_read_it(store: SqliteStore, tmp_path: Path) -> None:
    """The view `event_logs` shows every field as the API does, with no function of ours."""
    outcome = event_log(**FULL)
    plain = login(7, span_id=2**63 - 1, trace_id=0)
    put(store, outcome, start_of(outcome), plain)
    with closing(sqlite3.connect(segment(tmp_path))) as connection:
        connection.row_factory = sqlite3.Row
        rows = {
            row["event_id"]: dict(row) for row in connection.execute("SELECT * FROM event_logs")
        }
    for event in (outcome, start_of(outcome), plain):
        shown = event_json(event)
        row = rows[event.event_id]
        assert set(row) == set(shown)
        for name in set(shown) - {"attributes", "observed_time", "trace_sampled", "clock_skewed"}:
            assert (row[name] or None) == shown[name] or row[name] == shown[name], name
        assert row["observed_time"].startswith("2026-11-2")
