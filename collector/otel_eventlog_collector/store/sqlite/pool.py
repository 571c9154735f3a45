"""Reading connections: a few idle ones for each segment, none writes, none reads for long."""

from __future__ import annotations

import logging
import math
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from otel_eventlog_collector.errors import QueryError, StoreUnavailable
from otel_eventlog_collector.protocols import SetAside
from otel_eventlog_collector.store.sqlite.connect import (
    APPLICATION_ID,
    FORMAT_VERSION,
    is_current,
    is_damage,
    open_reader,
)
from otel_eventlog_collector.store.sqlite.directory import DataDirectory

IDLE_PER_SEGMENT_MAX = 4
READ_S_MAX = 5.0
"""Longest single read; a longer one is cut, because the write-ahead log grows meanwhile."""
QUERY_S_MAX = 10.0
"""Longest search over all days."""

_PROGRESS_OPCODES = 20_000
_TRIES = 5
_HELPERS = min(4, os.cpu_count() or 1) - 1
"""Threads that help to read several segments; one more processor is the asker's own."""
_log = logging.getLogger(__name__)

T = TypeVar("T")


class _Reader:
    """One connection, with what it was opened on and its deadline."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection, self.snapshot = open_reader(path)
        self.deadline_s = 0.0
        self.connection.create_function("contains_folded", 2, _contains_folded, deterministic=True)
        self.connection.set_progress_handler(self._is_late, _PROGRESS_OPCODES)

    def set_deadline(self, deadline_s: float) -> None:
        now_s = time.monotonic()
        if now_s > deadline_s:
            raise _took_too_long()
        self.deadline_s = min(now_s + READ_S_MAX, deadline_s)

    def _is_late(self) -> bool:
        return time.monotonic() > self.deadline_s

    def close(self) -> None:
        self.connection.close()


class SegmentPool:
    """Gives out reading connections to segments; safe to use from any thread."""

    def __init__(self, directory: DataDirectory) -> None:
        """Open nothing yet."""
        self.on_damage: Callable[[int, str], None] | None = None
        """Told a day whose file turned out to be damaged, and why."""
        self._directory = directory
        self._damaged: dict[Path, tuple[int, str]] = {}
        self._idle: dict[int, list[_Reader]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._helpers = ThreadPoolExecutor(max(1, _HELPERS), "eventlog-read")

    def read(
        self,
        day: int,
        work: Callable[[sqlite3.Connection], T],
        default: T,
        deadline_s: float = math.inf,
    ) -> T:
        """Return what `work` reads from a day's segment, or `default` when there is none.

        A damaged file is none: it is reported, and reading goes on with the other days.

        `work` may be called again when the file turned out to have changed under a connection that
        took it for unchanging.

        Raises:
            QueryError: the read took too long.
            StoreUnavailable: the segment cannot be read just now.

        """
        path = self._directory.segment_path(day)
        for _ in range(_TRIES):
            try:
                reader = self._check_out(day, path)
            except (sqlite3.Error, FileNotFoundError) as error:
                if not path.exists() or self._is_damaged(day, path, error):
                    return default
                raise StoreUnavailable(f"segment {path.name} cannot be opened: {error}") from error
            if reader is None:
                return default
            try:
                reader.set_deadline(deadline_s)
                result = work(reader.connection)
            except BaseException as error:
                reader.close()
                if not isinstance(error, sqlite3.Error | UnicodeError | OverflowError):
                    raise
                if not _is_current(path, reader):
                    continue
                if self._is_damaged(day, path, error):
                    return default
                raise _explain(path, error) from error
            if _is_current(path, reader):
                self._check_in(day, reader)
                return result
            reader.close()
        raise StoreUnavailable(f"segment {path.name} changes too fast to be read")

    def read_each(
        self,
        works: Sequence[tuple[int, Callable[[sqlite3.Connection], T]]],
        default: T,
        deadline_s: float,
    ) -> list[T]:
        """Return what each work reads from its day's segment, as `read` does, in the given order.

        Args:
            works: days, each with what to do with its segment.
            default: of each day without a segment.
            deadline_s: when all of it must be done, seconds of the monotonic clock.

        The caller's thread does it, and others that are free help: SQLite works outside of the
        interpreter's lock. Whoever asks for much makes nobody wait.
        """
        results = [default] * len(works)
        todo = deque(range(len(works)))

        def take_turns() -> None:
            while True:
                try:
                    at = todo.popleft()
                except IndexError:
                    return
                try:
                    results[at] = self.read(*works[at], default, deadline_s)
                except BaseException:
                    todo.clear()
                    raise

        helping = [self._helpers.submit(take_turns) for _ in range(min(_HELPERS, len(works) - 1))]
        try:
            take_turns()
        finally:
            for each in helping:
                if not each.cancel():
                    each.result()
        return results

    def damaged(self) -> list[SetAside]:
        """Return the files that were found damaged and are still in their places."""
        return [
            SetAside(path.name, reason)
            for path, (inode, reason) in sorted(self._damaged.items())
            if path.exists() and path.stat().st_ino == inode
        ]

    def _is_damaged(self, day: int, path: Path, error: BaseException) -> bool:
        if not is_damage(error):
            return False
        reason = f"SQLite says: {error}"
        if path not in self._damaged:
            _log.error("segment %s cannot be read, the other days can: %s", path.name, reason)
        with suppress(FileNotFoundError):
            self._damaged[path] = (path.stat().st_ino, reason)
        if self.on_damage is not None:
            self.on_damage(day, reason)
        return True

    def drop(self, day: int) -> None:
        """Close the idle connections to a segment that is going away."""
        with self._lock:
            readers = self._idle.pop(day, [])
        for reader in readers:
            reader.close()

    def close(self) -> None:
        """Close every idle connection, and the others as they come back."""
        with self._lock:
            self._closed = True
        self._helpers.shutdown(cancel_futures=True)
        with self._lock:
            idle, self._idle = self._idle, {}
        for readers in idle.values():
            for reader in readers:
                reader.close()

    def _check_out(self, day: int, path: Path) -> _Reader | None:
        while True:
            with self._lock:
                if self._closed:
                    raise StoreUnavailable("the store is closed")
                readers = self._idle.get(day)
                reader = readers.pop() if readers else None
            if reader is None:
                break
            if _is_current(path, reader, if_gone=False):
                return reader
            reader.close()
        reader = _Reader(path)
        application_id = reader.connection.execute("PRAGMA application_id").fetchone()[0]
        version = reader.connection.execute("PRAGMA user_version").fetchone()[0]
        if application_id == APPLICATION_ID and version == FORMAT_VERSION:
            return reader
        reader.close()
        if application_id:
            _log.warning("segment %s is not ours or of another format: not read", path.name)
        return None  # 0: it is being made just now, and holds nothing yet

    def _check_in(self, day: int, reader: _Reader) -> None:
        with self._lock:
            readers = self._idle.setdefault(day, [])
            if not self._closed and len(readers) < IDLE_PER_SEGMENT_MAX:
                readers.append(reader)
                return
        with suppress(sqlite3.Error):
            reader.close()


def _is_current(path: Path, reader: _Reader, *, if_gone: bool = True) -> bool:
    """Whether a connection sees what is there; a file that went while it was read was whole."""
    try:
        return is_current(path, reader.snapshot)
    except FileNotFoundError:
        return if_gone


def _explain(path: Path, error: BaseException) -> Exception:
    if isinstance(error, UnicodeError | OverflowError):
        return QueryError("query", f"a value cannot be looked for: {error}")
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
        return _took_too_long()
    return StoreUnavailable(f"segment {path.name} cannot be read: {error}")


def _took_too_long() -> QueryError:
    return QueryError(
        "query",
        f"the search took longer than {READ_S_MAX:g} s in one day, or {QUERY_S_MAX:g} s in all",
        hint="narrow the time range, or add a filter",
    )


def _contains_folded(value: object, folded: str) -> bool:
    return isinstance(value, str) and folded in value.casefold()
