"""Files of days that cannot be read: put out of the way, with the reason, and nothing stops."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from otel_eventlog_collector.protocols import WriteResult
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite import SqliteStore
from tests.contracts.store_harness import everything, login, put
from tests.support.builders import NOW
from tests.support.clock import DAY, HandClock

OLD = NOW - 5 * DAY
PAGE = 8192
HEADER = 100


def overwritten(path: Path) -> None:
    """Make a file that is no database."""
    path.write_bytes(b"not a database at all" * 1000)


def torn(path: Path) -> None:
    """Keep the header and break every page after the first."""
    content = path.read_bytes()
    path.write_bytes(content[:PAGE] + b"\xa5" * (len(content) - PAGE))


def foreign(path: Path) -> None:
    """Put another program's database in the place."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id=1")
        connection.execute("CREATE TABLE recipes (name TEXT)")


def nameless(path: Path) -> None:
    """Put a database in the place that does not even say whose it is."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


DAMAGES = {
    overwritten: "no SQLite database",
    torn: "SQLite says: database disk image is malformed",
    foreign: "another program",
    nameless: "tables of another program",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data directory with an event log today and one five days ago."""
    store = SqliteStore(tmp_path / "data", clock=HandClock())
    put(store, login(1, at=OLD), login(2))
    store.close()
    return tmp_path / "data"


@pytest.fixture
def opener(data: Path) -> Iterator[Callable[[], SqliteStore]]:
    """Return what opens the store for writing."""
    opened: list[SqliteStore] = []

    def open_store() -> SqliteStore:
        clock = HandClock()
        opened.append(SqliteStore(data, clock=clock, steady=lambda: clock.now))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def segment(data: Path) -> Path:
    """Return the file of the older day."""
    return data / "segments" / "2026-11-18.db"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_day_goes_on_in_a_new_file(
    data: Path, opener: Callable[[], SqliteStore], damage: Callable[[Path], None]
) -> None:
    """What comes for a day whose file is damaged is stored; the old file is kept, with the reason.

    A write that meets the damage only in its commit fails once, as retryable.
    """
    damage(segment(data))
    kept = segment(data).read_bytes()
    store = opener()
    futures = [store.write([login(3, at=OLD)]), store.write([login(4)])]
    for future in futures:
        future.exception(30)
    put(store, login(3, at=OLD), login(4))
    assert {event.span_id for event in everything(store)} == {2, 3, 4}
    (aside,) = store.status().set_aside
    assert DAMAGES[damage] in aside.reason
    assert aside.name == "2026-11-18.db.set-aside1"
    # Looking into it has changed SQLite's counters in its header at most.
    assert (segment(data).parent / aside.name).read_bytes()[HEADER:] == kept[HEADER:]
    assert aside.reason in (segment(data).parent / f"{aside.name}.txt").read_text()


@pytest.mark.parametrize("damage", [overwritten, torn])
def test_reading_goes_on(
    data: Path, opener: Callable[[], SqliteStore], damage: Callable[[Path], None]
) -> None:
    """Reading meets the damage first: the other days are listed, counted, followed all the same."""
    damage(segment(data))
    store = opener()
    assert [event.span_id for event in everything(store)] == [2]
    assert store.status().events == 1
    assert dict(store.facets(EventQuery(), ["service"], 5)["service"]) == {"shop": 1}
    assert put(store, login(3, at=OLD)) == WriteResult(stored=1)
    assert [aside.name for aside in store.status().set_aside] == ["2026-11-18.db.set-aside1"]


@pytest.mark.parametrize("damage", [overwritten, torn])
def test_whoever_only_reads_changes_nothing(data: Path, damage: Callable[[Path], None]) -> None:
    """A reader beside the collector leaves a damaged file where it is, and says what it saw."""
    damage(segment(data))
    names = sorted(path.name for path in segment(data).parent.iterdir())
    store = SqliteStore(data, clock=HandClock(), read_only=True)
    assert [event.span_id for event in everything(store)] == [2]
    assert [aside.name for aside in store.status().set_aside] == ["2026-11-18.db"]
    store.close()
    assert sorted(path.name for path in segment(data).parent.iterdir()) == names


def test_a_watcher_is_told_of_the_gap(data: Path, opener: Callable[[], SqliteStore]) -> None:
    """Who watches is told that something is missing, and misses nothing of the new file."""
    store = opener()
    put(store, login(5, at=OLD))
    position = store.position()
    put(store, login(6, at=OLD))
    store.close()
    overwritten(segment(data))
    store = opener()
    put(store, login(7, at=OLD))
    batch = store.tail(position, EventQuery(), 10)
    assert batch.gap
    assert [event.span_id for _, event in batch.events] == [7]
    assert not store.tail(batch.position, EventQuery(), 10).gap


def test_two_damages_of_one_day(data: Path, opener: Callable[[], SqliteStore]) -> None:
    """A day that is damaged again loses neither of the files that were set aside."""
    for _ in range(2):
        overwritten(segment(data))
        store = opener()
        put(store, login(3, at=OLD))
        store.close()
    names = [aside.name for aside in opener().status().set_aside]
    assert names == ["2026-11-18.db.set-aside1", "2026-11-18.db.set-aside2"]


def test_retention_removes_what_was_set_aside(data: Path) -> None:
    """A file that was set aside goes when its day is past retention, not earlier."""
    clock = HandClock()
    overwritten(segment(data))
    store = SqliteStore(data, clock=clock, steady=lambda: clock.now)
    put(store, login(3, at=OLD))
    store.purge()
    assert len(store.status().set_aside) == 1
    clock.forward(26 * DAY)
    assert store.purge().bytes_freed > 20_000
    assert not store.status().set_aside
    assert not list(segment(data).parent.glob("2026-11-18*"))
    store.close()
