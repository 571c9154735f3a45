"""Sealing days that are over, and what an erasure leaves in the files."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog_collector.protocols import WriteResult
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite import SqliteStore, seal
from tests.contracts.store_harness import comparable, drain, everything, login, put, query, start_of
from tests.contracts.store_pairs import pair, put_pairs
from tests.support.builders import NOW
from tests.support.clock import DAY, HandClock
from tests.support.rollups import counted, recounted

YESTERDAY = NOW - DAY


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Return a store with pairs and single event logs of two days."""
    clock = HandClock()
    opened = SqliteStore(tmp_path / "data", clock=clock, steady=lambda: clock.now)
    for day in (YESTERDAY, NOW):
        pairs = [
            pair(n, at=day + n, trace_id=bytes([n]) * 16, user_id=f"u-{n % 7}")
            for n in range(1, 50)
        ]
        put_pairs(opened, *pairs)
        put(
            opened,
            *[start_of(login(n, at=day + n, correlation_id=f"c-{n}")) for n in range(50, 60)],
        )
    yield opened
    opened.close()


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    """Return the file of yesterday."""
    return tmp_path / "data" / "segments" / "2026-11-22.db"


def sealed(store: SqliteStore) -> list[str]:
    """Seal without waiting for quiet."""
    return store.seal(quiet_s=0)


def indexes(segment: Path) -> set[str]:
    """Return the names of a segment's indexes."""
    with closing(sqlite3.connect(segment)) as connection:
        return {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")
        }


def test_days_that_are_over_are_sealed_once(store: SqliteStore, segment: Path) -> None:
    """Yesterday gets its indexes, today does not, and a second time there is nothing to do."""
    before = [comparable(event) for event in everything(store)]
    assert sealed(store) == ["2026-11-22"]
    assert "requests_trace" in indexes(segment)
    assert "requests_trace" not in indexes(segment.with_name("2026-11-23.db"))
    assert sealed(store) == []
    assert [comparable(event) for event in everything(store)] == before
    assert [path.name for path in segment.parent.glob("*.sealing*")] == []


def test_a_day_just_written_to_waits(store: SqliteStore, segment: Path) -> None:
    """A segment that was written to a moment ago is left alone."""
    assert store.seal() == []
    assert "requests_trace" not in indexes(segment)


def test_late_event_logs_still_get_in(store: SqliteStore, segment: Path) -> None:
    """After sealing, new event logs, duplicates and replacements of the day work as before."""
    position = store.position()
    sealed(store)
    assert put_pairs(store, pair(1, at=YESTERDAY + 1), pair(100, at=YESTERDAY)) == WriteResult(
        stored=2, duplicates=2
    )
    assert put(store, login(2, at=YESTERDAY + 2)) == WriteResult(replaced=1)
    assert [event.span_id for event in drain(store, position)] == [100, 100, 2]
    assert counted(segment.parent.parent) == recounted(segment.parent.parent)


def test_rare_keys_are_found_by_index(store: SqliteStore, segment: Path) -> None:
    """In a sealed day a trace and a correlation id are looked up, not searched for."""
    sealed(store)
    of_trace = everything(store, query(trace_id="07" * 16))
    assert [event.span_id for event in of_trace] == [7, 7, 7, 7]
    found = everything(store, query(correlation_id="c-55"))
    assert [event.span_id for event in found] == [55, 55]
    with closing(sqlite3.connect(segment)) as connection:
        for name, column in (("trace", "trace_id"), ("correlation", "correlation_id")):
            plan = connection.execute(
                f"EXPLAIN QUERY PLAN SELECT * FROM outcomes WHERE {column} = ?",  # noqa: S608
                ("x",),
            ).fetchall()
            assert f"USING INDEX requests_{name}" in plan[0][3]


def test_a_write_meanwhile_wins(
    store: SqliteStore, segment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written while the copy is made is kept, and the day is sealed at a later time."""
    copy = seal._copy

    def copy_and_write(*paths: Any) -> None:
        copy(*paths)
        put(store, login(200, at=YESTERDAY))

    with monkeypatch.context() as patch:
        patch.setattr(seal, "_copy", copy_and_write)
        assert sealed(store) == []
    assert "requests_trace" not in indexes(segment)
    assert sealed(store) == ["2026-11-22"]
    assert 200 in {event.span_id for event in everything(store)}


def test_nothing_is_lost_to_a_storm(store: SqliteStore) -> None:
    """Days sealed again and again under writing and reading lose and double nothing."""
    done = threading.Event()
    failures: list[BaseException] = []

    def keep(action: Any) -> None:
        try:
            while not done.is_set():
                action()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)

    threads = [
        threading.Thread(target=keep, args=(lambda: sealed(store),)),
        threading.Thread(target=keep, args=(lambda: everything(store, EventQuery(limit=1000)),)),
    ]
    for thread in threads:
        thread.start()
    written = 0
    for day in range(2, 22):
        pairs = [pair(n, at=NOW - day * DAY) for n in range(1, 20)]
        assert put_pairs(store, *pairs) == WriteResult(stored=38)
        written += 38
        assert put_pairs(store, *pairs[:5]) == WriteResult(duplicates=10)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(everything(store)) == 2 * 108 + written
    assert store.status().events == 2 * 108 + written


def test_a_cut_short_sealing_is_swept(store: SqliteStore, segment: Path) -> None:
    """What a killed sealing left behind is removed, and neither read nor counted."""
    (segment.parent / "2026-11-22.db.sealing").write_bytes(b"half")
    assert store.status().segments == 2
    sealed(store)
    assert not list(segment.parent.glob("*.sealing*"))


def test_erasing_in_a_sealed_day(store: SqliteStore, segment: Path) -> None:
    """An erasure reaches sealed days and their indexes; no byte of the user stays in any file."""
    put_pairs(
        store,
        pair(
            70,
            at=YESTERDAY,
            user_id="marked-user",
            trace_id=b"marked-trace-123",
            correlation_id="marked-corr",
            client_address="marked-address",
            error_message="marked-message",
            user_agent="shared-agent",
        ),
        pair(71, at=YESTERDAY, user_agent="shared-agent"),
    )
    sealed(store)
    assert store.erase_user("marked-user").events == 2
    left = b"".join(path.read_bytes() for path in segment.parent.iterdir())
    assert b"marked-" not in left
    assert b"shared-agent" in left
    (found,) = everything(store, query(user_agent="shared-agent", status="success"))
    assert found.user_agent == "shared-agent"


def test_an_erasure_waits_for_a_long_read(store: SqliteStore, segment: Path) -> None:
    """While a read holds erased bytes in the write-ahead log, the report names the day."""
    put_pairs(store, pair(300, user_id="marked-user"))
    today = segment.with_name("2026-11-23.db")
    with closing(sqlite3.connect(today, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM requests").fetchone()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("otel_eventlog_collector.store.sqlite.eraser._TRUNCATE_TRIES", 2)
            assert store.erase_user("marked-user").lingering == ("2026-11-23",)
        reader.execute("COMMIT")
    assert store.erase_user("marked-user").lingering == ()
    left = b"".join(path.read_bytes() for path in segment.parent.iterdir())
    assert b"marked-user" not in left
