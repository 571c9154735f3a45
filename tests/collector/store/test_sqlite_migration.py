"""A data directory of format 1, with a row for each event log, is brought to this format."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import WriteResult
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite import SqliteStore
from tests.contracts.store_harness import everything, login, put
from tests.support.clock import HandClock
from tests.support.repository import ROOT
from tests.support.rollups import counted, recounted

RECORDED = ROOT / "tests" / "data" / "store_format_1"
"""Dumps of a directory that a collector of format 1 wrote, and what it read from it."""

OPEN_AND_DIE = """
import os, signal, sys
from pathlib import Path
from otel_eventlog_collector.store.sqlite import SqliteStore, migration
from tests.support.clock import HandClock

renames = int(sys.argv[2])
replace = migration.replace_database

def replace_and_die(path, by):
    global renames
    if not renames:
        os.kill(os.getpid(), signal.SIGKILL)
    renames -= 1
    replace(path, by)

migration.replace_database = replace_and_die
SqliteStore(Path(sys.argv[1]), clock=HandClock())
"""


def restored(path: Path) -> Path:
    """Make the recorded directory."""
    (path / "segments").mkdir(parents=True)
    for dump in RECORDED.glob("*.sql"):
        folder = path if dump.stem == "catalog" else path / "segments"
        with closing(sqlite3.connect(folder / f"{dump.stem}.db")) as connection:
            connection.executescript(dump.read_text("utf-8"))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data directory of format 1."""
    return restored(tmp_path / "data")


@pytest.fixture
def expected() -> Any:
    """Return what the collector of format 1 read."""
    return json.loads((RECORDED / "expected.json").read_text("utf-8"))


def check(data: Path, expected: Any) -> None:
    """Check that a directory reads as before, continues its stream, and counts right."""
    store = SqliteStore(data, clock=HandClock())
    found = [
        event_json(event) | {"rank": int(event.rank)}
        for event in everything(store, EventQuery(order="asc"))
    ]
    assert found == expected["events"]
    tail = store.tail(expected["position"], EventQuery(), 100)
    assert [event.event_id for _, event in tail.events] == expected["after"]
    assert not tail.gap
    assert counted(data) == recounted(data)
    assert put(store, login(9, action="Renamed")) == WriteResult(conflicts=1)
    assert put(store, login(8)) == WriteResult(stored=1)
    store.close()
    assert not list(data.rglob("*.migrating*"))


def test_everything_is_there_as_before(data: Path, expected: Any) -> None:
    """Event logs, stream positions and duplicates are as they were; the rollups are right."""
    check(data, expected)
    check_again = SqliteStore(data, clock=HandClock(), read_only=True)
    assert check_again.status().events == len(expected["events"]) + 1
    check_again.close()


def test_a_purge_of_before_is_still_a_gap(data: Path, expected: Any) -> None:
    """The log of purges speaks of the same places in the stream as before."""
    position = expected["position"]
    store_id = position.split(".")[1]
    store = SqliteStore(data, clock=HandClock())
    assert store.tail(f"1.{store_id}.0.5128-0", EventQuery(), 10).gap
    assert not store.tail(f"1.{store_id}.0.5128-1", EventQuery(), 10).gap
    store.close()


@pytest.mark.parametrize("renames", [0, 1])
def test_a_killed_migration_goes_on(data: Path, expected: Any, renames: int) -> None:
    """A migration that is killed before or between two files leaves each as it was or done."""
    process = subprocess.run(
        [sys.executable, "-c", OPEN_AND_DIE, str(data), str(renames)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'collector'}"},
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert list(data.rglob("*.migrating"))
    check(data, expected)


def test_a_damaged_day_keeps_no_other_back(data: Path) -> None:
    """A day that cannot be migrated is set aside; the others are there."""
    (data / "segments" / "2026-11-22.db").write_bytes(b"not a database at all" * 1000)
    store = SqliteStore(data, clock=HandClock())
    assert [aside.name for aside in store.status().set_aside] == ["2026-11-22.db.set-aside1"]
    assert len(everything(store)) > 5
    store.close()


def test_reading_alone_does_not_migrate(data: Path) -> None:
    """Whoever only reads a directory of format 1 is told how to bring it up to date."""
    before = {path: path.read_bytes() for path in data.rglob("*.db")}
    with pytest.raises(ConfigError, match="format 1") as caught:
        SqliteStore(data, clock=HandClock(), read_only=True)
    assert "otel-eventlog serve" in caught.value.hint
    assert {path: path.read_bytes() for path in data.rglob("*.db")} == before


def test_a_full_disk_leaves_it_as_it_was(
    data: Path, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails refuses the start and costs nothing; the next one goes on."""

    def no_space(*_: object) -> Callable[[], None]:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("otel_eventlog_collector.store.sqlite.migration.replace_database", no_space)
        with pytest.raises(ConfigError, match="No space left"):
            SqliteStore(data, clock=HandClock())
    check(data, expected)
