"""The data directory: whose it is, who holds it, and reading it from beside."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite import SqliteStore, lock_holder
from tests.contracts.store_harness import everything, login, put
from tests.support.builders import NOW
from tests.support.clock import DAY, HandClock

HOLD_THE_LOCK = """
import sys
from pathlib import Path
from otel_eventlog_collector.store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]), clock=lambda: 10**18)
store.announce({"http": "http://127.0.0.1:4329"})
print("ready", flush=True)
sys.stdin.read()
store.close()
"""


def open_store(path: Path, *, read_only: bool = False) -> SqliteStore:
    """Open a store whose clock stands still."""
    return SqliteStore(path, clock=HandClock(), read_only=read_only)


def contents(path: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return every file below a directory with its inode, modification time and bytes."""
    return {
        str(file.relative_to(path)): (
            file.stat().st_ino,
            file.stat().st_mtime_ns,
            file.read_bytes() if file.is_file() else b"",
        )
        for file in [path, *path.rglob("*")]
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data directory with event logs of three days, closed orderly."""
    path = tmp_path / "data"
    store = open_store(path)
    put(store, *[login(n, at=NOW - n % 3 * DAY) for n in range(1, 10)])
    store.close()
    return path


@pytest.fixture
def held(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a real process that serves the data directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.communicate("")


@pytest.mark.parametrize("name", ["thesis.txt", ".git", "segments/2026-11-23.db"])
def test_a_foreign_directory_is_refused_untouched(tmp_path: Path, name: str) -> None:
    """A directory that holds anything and is not ours is refused and nothing in it changes."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match="not ours") as caught:
        open_store(tmp_path)
    assert caught.value.hint
    assert contents(tmp_path) == before


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """A file in the place of the data directory is refused."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="not a directory"):
        open_store(tmp_path / "file")


def test_a_foreign_catalog_is_refused_untouched(tmp_path: Path) -> None:
    """A catalog.db of another program is refused and not changed by a byte."""
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match="not a database of otel-eventlog"):
        open_store(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_format_is_refused_untouched(data: Path, *, read_only: bool) -> None:
    """A directory of a later version is refused, for reading too, and left as it is."""
    with closing(sqlite3.connect(data / "catalog.db")) as connection:
        connection.execute("PRAGMA user_version=99")
    before = contents(data)
    with pytest.raises(ConfigError, match="format 99") as caught:
        open_store(data, read_only=read_only)
    assert "upgrade" in caught.value.hint
    assert contents(data) == before


def test_modes_are_private(tmp_path: Path) -> None:
    """Directories are 0700 and every file, the write-ahead log included, is 0600."""
    store = open_store(tmp_path / "deep" / "data")
    put(store, login(1))
    files = list((tmp_path / "deep" / "data").rglob("*"))
    assert any(file.name.endswith("-wal") for file in files)
    for file in [*files, tmp_path / "deep" / "data"]:
        wanted = 0o700 if file.is_dir() else 0o600
        assert stat.S_IMODE(file.stat().st_mode) == wanted, file
    store.close()


def test_a_second_writer_is_told_who_holds_it(data: Path, held: subprocess.Popen[str]) -> None:
    """A second process that would write fails and names the first one and its address."""
    with pytest.raises(ConfigError, match=f"process {held.pid}") as caught:
        open_store(data)
    assert "http://127.0.0.1:4329" in caught.value.message
    assert caught.value.hint


def test_the_holder_is_known_while_it_holds(data: Path, held: subprocess.Popen[str]) -> None:
    """Who serves a directory can be asked; nobody does once that process has ended."""
    found = lock_holder(data)
    assert found is not None
    assert (found.pid, found.urls) == (held.pid, {"http": "http://127.0.0.1:4329"})
    held.communicate("")
    assert lock_holder(data) is None
    assert lock_holder(data / "nowhere") is None


def test_a_killed_holder_leaves_no_lock(data: Path, held: subprocess.Popen[str]) -> None:
    """The lock of a killed process is free at once."""
    held.kill()
    held.wait()
    store = open_store(data)
    assert len(everything(store)) == 9
    store.close()


def test_reading_changes_nothing(data: Path) -> None:
    """Reading a directory that nobody serves neither makes nor changes any file."""
    before = contents(data)
    store = open_store(data, read_only=True)
    assert len(everything(store)) == 9
    assert store.status().events == 9
    assert store.tail(store.position(), EventQuery(), 5).events == []
    store.close()
    assert contents(data) == before


def test_reading_beside_a_writer(tmp_path: Path) -> None:
    """A reader opened beside a collector sees each commit, new days included."""
    writer = open_store(tmp_path / "data")
    reader = open_store(tmp_path / "data", read_only=True)
    position = reader.position()
    for number in range(1, 6):
        put(writer, login(number, at=NOW - number * DAY))
        assert len(everything(reader)) == number
    assert len(reader.tail(position, EventQuery(), 100).events) == 5
    reader.close()
    writer.close()


def test_reading_goes_on_when_a_writer_comes(data: Path) -> None:
    """A reader that was there before the collector sees what it commits afterwards."""
    reader = open_store(data, read_only=True)
    assert len(everything(reader)) == 9
    writer = open_store(data)
    put(writer, login(100))
    assert len(everything(reader)) == 10
    writer.close()
    assert len(everything(reader)) == 10
    reader.close()


def test_reading_what_a_kill_left(tmp_path: Path) -> None:
    """A directory with an unfinished write-ahead log, or a copy of one, reads whole."""
    store = open_store(tmp_path / "data")
    put(store, *[login(n) for n in range(1, 10)])
    shutil.copytree(tmp_path / "data", tmp_path / "killed")
    shutil.copytree(tmp_path / "data", tmp_path / "copied")
    store.close()
    for index in (tmp_path / "copied" / "segments").glob("*-shm"):
        index.unlink()
    for name in ("killed", "copied"):
        before = set(contents(tmp_path / name))
        reader = open_store(tmp_path / name, read_only=True)
        assert len(everything(reader)) == 9
        reader.close()
        assert set(contents(tmp_path / name)) == before


def test_reading_nothing_is_refused(tmp_path: Path) -> None:
    """Opening for reading what is no data directory is refused and makes nothing."""
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ConfigError, match="no data directory"):
            open_store(path, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_writing_through_a_reader_is_refused(data: Path) -> None:
    """A store opened for reading takes no event logs and purges nothing."""
    store = open_store(data, read_only=True)
    with pytest.raises(ConfigError):
        store.write([login(1)])
    with pytest.raises(ConfigError):
        store.purge()
    store.close()


def test_a_start_cut_short_is_taken_up(tmp_path: Path) -> None:
    """What a start that was killed in the middle leaves behind does not keep the next one away."""
    (tmp_path / "collector.lock").write_text(json.dumps({"pid": 1, "urls": {}}))
    (tmp_path / "segments").mkdir()
    (tmp_path / "catalog.db.new").write_bytes(b"half")
    store = open_store(tmp_path)
    put(store, login(1))
    store.close()
    assert not (tmp_path / "catalog.db.new").exists()


def test_a_segment_cut_short_is_taken_up(data: Path) -> None:
    """A segment that was killed while it was made, empty still, is completed and written to."""
    (data / "segments" / "2026-11-18.db").touch()
    store = open_store(data)
    assert len(everything(store)) == 9
    put(store, login(50, at=NOW - 5 * DAY))
    assert len(everything(store)) == 10
    store.close()


def test_links_are_not_followed(data: Path, tmp_path: Path) -> None:
    """A symbolic link in the place of a segment is neither read nor written through."""
    outside = tmp_path / "outside.db"
    shutil.copy(data / "segments" / "2026-11-23.db", outside)
    (data / "segments" / "2026-11-18.db").symlink_to(outside)
    before = outside.read_bytes()
    store = open_store(data)
    assert len(everything(store)) == 9
    waiting = store.write([login(50, at=NOW - 5 * DAY)])
    assert waiting.exception(timeout=30) is not None
    assert outside.read_bytes() == before
    store.close()
