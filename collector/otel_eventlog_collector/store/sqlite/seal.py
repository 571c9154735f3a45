"""Sealing a day that is over: it gets indexes for rare keys, in a copy that takes its place.

The copy is made beside the segment, from a reading connection, while event logs still come in.
Between two commits it takes the segment's place, unless something was written meanwhile: then it is
thrown away, and another one made later. So each file has one writing connection at any time, and
the writer waits for a renaming only.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from otel_eventlog_collector.protocols import Clock
from otel_eventlog_collector.store.sqlite.connect import (
    open_reader,
    open_writer,
    remove_database,
    replace_database,
    side_files,
)
from otel_eventlog_collector.store.sqlite.directory import DataDirectory, segment_name
from otel_eventlog_collector.store.sqlite.open_segments import OpenSegments
from otel_eventlog_collector.store.sqlite.pool import SegmentPool
from otel_eventlog_collector.store.sqlite.schema import is_sealed, sql_text, statements
from otel_eventlog_collector.store.sqlite.writer import Writer

SEAL_AFTER_NS = 3600 * 1_000_000_000
"""So long after the end of its day a segment is sealed: outcomes of its last requests come late."""
QUIET_S = 300.0
"""So long nothing may have been written to it."""
UNFINISHED_SUFFIX = ".sealing"

_NS_PER_DAY = 86_400 * 1_000_000_000
_log = logging.getLogger(__name__)

_Signature = tuple[int, int, int]


class Sealer:
    """Seals the days of a directory, one after the other."""

    def __init__(
        self,
        directory: DataDirectory,
        *,
        writer: Writer,
        segments: OpenSegments,
        pool: SegmentPool,
        clock: Clock,
    ) -> None:
        """Remember what it works with."""
        self._directory = directory
        self._writer = writer
        self._segments = segments
        self._pool = pool
        self._clock = clock

    def seal(self, *, quiet_s: float = QUIET_S) -> list[str]:
        """Seal what is over; return the names of the days that were sealed.

        Args:
            quiet_s: seconds for which a segment may not have been written to.

        """
        self.sweep()
        over = (self._clock() - SEAL_AFTER_NS) // _NS_PER_DAY
        sealed = []
        for day in self._directory.days():
            if day >= over or self._pool.read(day, is_sealed, default=True):
                continue
            try:
                if self._seal(day, quiet_s):
                    sealed.append(segment_name(day))
            except (sqlite3.Error, OSError) as error:
                _log.warning("%s could not be sealed: %s", segment_name(day), error)
            finally:
                self.sweep()
        return sealed

    def sweep(self) -> None:
        """Remove copies that never took their place."""
        for path in self._directory.segments_path.glob(f"*{UNFINISHED_SUFFIX}"):
            remove_database(path)

    def _seal(self, day: int, quiet_s: float) -> bool:
        path = self._directory.segment_path(day)
        before = self._writer.order(lambda: self._at_rest(day, quiet_s)).result()
        if before is None:
            return False
        copy = path.with_name(path.name + UNFINISHED_SUFFIX)
        _copy(path, copy)
        with closing(open_writer(copy)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements(sql_text("sealed.sql")):
                connection.execute(statement)
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        def take_place() -> bool:
            if day in self._segments or _signature(path) != before:
                return False
            replace_database(path, copy)
            return True

        is_sealed: bool = self._writer.order(take_place).result()
        self._pool.drop(day)
        return is_sealed

    def _at_rest(self, day: int, quiet_s: float) -> _Signature | None:
        """Close a segment's writing connection; return what tells it from a changed one.

        None when it was written to just now, or its write-ahead log cannot be emptied yet.
        """
        path = self._directory.segment_path(day)
        written = max(file.stat().st_mtime for file in (path, *side_files(path)) if file.exists())
        if time.time() - written < quiet_s:
            return None
        # Opened once more: only a checkpoint tells that the write-ahead log holds nothing.
        if not self._segments.get(day).checkpoint() or not self._segments.close(day):
            return None
        return _signature(path)


def _signature(path: Path) -> _Signature:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _copy(path: Path, copy: Path) -> None:
    remove_database(copy)
    connection, _ = open_reader(path)
    with closing(connection):
        connection.execute("PRAGMA query_only=OFF")
        connection.execute("VACUUM INTO ?", (str(copy),))
