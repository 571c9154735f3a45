"""Purging segments: bytes gone, the brake, the size cap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite import SqliteStore
from tests.contracts.store_harness import everything, login, put
from tests.support.builders import NOW
from tests.support.clock import DAY, HOUR, HandClock

Open = Callable[..., SqliteStore]


@pytest.fixture
def clock() -> HandClock:
    """Return the wall clock, which somebody may set."""
    return HandClock()


@pytest.fixture
def steady() -> HandClock:
    """Return the clock that nobody sets."""
    return HandClock(0)


@pytest.fixture
def opener(tmp_path: Path, clock: HandClock, steady: HandClock) -> Iterator[Open]:
    """Return what opens the store, with options."""
    opened: list[SqliteStore] = []

    def open_with(size_bytes_max: int | None = None) -> SqliteStore:
        opened.append(
            SqliteStore(
                tmp_path / "data", clock=clock, steady=steady, size_bytes_max=size_bytes_max
            )
        )
        return opened[-1]

    yield open_with
    for store in opened:
        store.close()


def fill(store: SqliteStore, days: int) -> None:
    """Write one event log for each of the last days."""
    put(store, *[login(n, at=NOW - n * DAY, user_id=f"marked-{n}") for n in range(days)])


def pass_time(ns: int, *clocks: HandClock) -> None:
    """Let real time pass: every clock goes on."""
    for each in clocks:
        each.forward(ns)


def test_no_byte_is_left(opener: Open, clock: HandClock, steady: HandClock, tmp_path: Path) -> None:
    """After a purge no file of the directory holds a byte of the expired event logs."""
    store = opener()
    fill(store, 30)
    pass_time(20 * DAY, clock, steady)
    report = store.purge()
    assert report.segments[0] == "2026-10-25"
    assert report.events == 19
    left = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert b"marked-29" not in left
    assert b"marked-12" not in left
    assert b"marked-0" in left


def test_readers_go_on_over_a_purge(opener: Open, clock: HandClock, steady: HandClock) -> None:
    """Listings and tails that were begun before a purge go on after it."""
    store = opener()
    fill(store, 30)
    first = store.find(EventQuery(limit=5))
    pass_time(20 * DAY, clock, steady)
    store.purge()
    rest = everything(store, EventQuery(cursor=first.next_cursor))
    assert [event.span_id for event in rest] == list(range(5, 11))


def test_a_jump_of_the_clock_deletes_nothing(
    opener: Open, clock: HandClock, steady: HandClock
) -> None:
    """When the wall clock is set a month ahead nothing is removed, and the report says why."""
    store = opener()
    fill(store, 30)
    pass_time(2 * HOUR, clock, steady)
    assert store.purge().refused == ""
    clock.forward(31 * DAY)
    for _ in range(3):
        report = store.purge()
        assert report.segments == []
        assert "the clock was set" in report.refused
        pass_time(2 * HOUR, clock, steady)
    clock.forward(-31 * DAY)
    assert len(everything(store)) == 30


def test_a_person_can_confirm_the_clock(opener: Open, clock: HandClock, steady: HandClock) -> None:
    """A forced purge removes what the brake held back, and the clock is trusted from then on."""
    store = opener()
    fill(store, 30)
    clock.forward(31 * DAY)
    assert store.purge().refused
    assert store.purge(force=True).events == 30
    pass_time(2 * HOUR, clock, steady)
    assert store.purge().refused == ""


def test_a_day_or_two_go_even_after_a_jump(opener: Open, clock: HandClock) -> None:
    """The brake holds many days back, not the one or two of ordinary operation."""
    store = opener()
    fill(store, 30)
    clock.forward(3 * DAY)
    report = store.purge()
    assert (report.events, report.refused) == (2, "")


def test_many_days_wait_an_hour_after_the_start(
    opener: Open, clock: HandClock, steady: HandClock
) -> None:
    """A collector that was off for long removes many days only once its clock ran steadily."""
    store = opener()
    fill(store, 30)
    store.close()
    pass_time(20 * DAY, clock, steady)
    store = opener()
    assert "not run for an hour" in store.purge().refused
    pass_time(HOUR, clock, steady)
    assert store.purge().events == 19


def test_the_size_cap_removes_the_oldest(opener: Open, clock: HandClock, tmp_path: Path) -> None:
    """Above the size cap the oldest days go, until it fits; the newest day always stays."""
    store = opener()
    fill(store, 10)
    size = store.status().bytes_on_disk
    store.close()
    store = opener(size // 2)
    report = store.purge()
    assert report.segments[0] == "2026-11-14"
    assert 0 < report.events < 10
    assert store.status().bytes_on_disk <= size // 2
    assert [event.span_id for event in everything(store)] == list(range(10 - report.events))
    store.close()
    store = opener(1)
    store.purge()
    assert [event.span_id for event in everything(store)] == [0]


def test_a_day_removed_for_size_counts_on(opener: Open) -> None:
    """A day that comes again after the size cap removed it is behind no watcher's position."""
    store = opener(1)
    fill(store, 3)
    position = store.position()
    store.purge()
    put(store, login(50, at=NOW - 2 * DAY))
    batch = store.tail(position, EventQuery(), 10)
    assert [event.span_id for _, event in batch.events] == [50]


def test_a_purge_cut_short_is_finished(opener: Open, clock: HandClock, tmp_path: Path) -> None:
    """A removal that was killed half-way is invisible to readers and finished by the next purge."""
    store = opener()
    fill(store, 5)
    store.close()
    segments = tmp_path / "data" / "segments"
    (segments / "2026-11-19.db").rename(segments / "2026-11-19.db.removed")
    store = opener()
    assert len(everything(store)) == 4
    store.purge()
    assert not list(segments.glob("*.removed"))
