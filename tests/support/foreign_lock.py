"""Somebody else at the files of a collector."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


def newest_segment(data: Path) -> Path:
    """Return the segment of the latest day."""
    return max((data / "segments").glob("????-??-??.db"))


@contextmanager
def write_lock(data: Path) -> Iterator[None]:
    """Hold the write lock of every segment, as a person with a `sqlite3` shell would."""
    held: list[sqlite3.Connection] = []
    try:
        for path in (data / "segments").glob("????-??-??.db"):
            held.append(sqlite3.connect(path, isolation_level=None, timeout=20))
            held[-1].execute("BEGIN IMMEDIATE")
        yield
    finally:
        for connection in held:
            connection.close()


@contextmanager
def read_cursor(path: Path) -> Iterator[None]:
    """Hold a reading transaction open on a segment."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield


def is_log_free(path: Path) -> bool:
    """Whether nobody keeps the write-ahead log of a segment from being emptied."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
