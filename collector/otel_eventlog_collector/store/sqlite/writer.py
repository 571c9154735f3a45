"""The writer thread: group commit without linger, and answers only after the fsync.

Everything that waits when the thread comes back from a commit goes into the next one. Requests wait
in a queue bounded in rows and bytes; a full queue refuses at once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from otel_eventlog_collector.errors import (
    CollectorError,
    ConfigError,
    Overloaded,
    RetryableError,
    StoreUnavailable,
)
from otel_eventlog_collector.protocols import WriteResult
from otel_eventlog_collector.store.row import Row, is_storable
from otel_eventlog_collector.store.sqlite.directory import DataDirectory
from otel_eventlog_collector.store.sqlite.merge import Verdict
from otel_eventlog_collector.store.sqlite.segment import SegmentWriter

COMMIT_ROWS_MAX = 2_000
"""Most rows of one commit: bounds how long the write lock is held."""
QUEUE_ROWS_MAX = 60_000
QUEUE_BYTES_MAX = 64 * 1024 * 1024
OPEN_SEGMENTS_MAX = 4
"""Most segments open for writing; the one unused longest is checkpointed and closed."""

_log = logging.getLogger(__name__)

_DATA_ERRORS = (
    OverflowError,
    UnicodeError,
    TypeError,
    ValueError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""What a row that no database takes provokes; anything else is the database's own trouble."""
_BASE_ERRORS = (sqlite3.Error, OSError, CollectorError)


@dataclass(slots=True)
class Waiting:
    """One `write` that waits for its commit."""

    rows: Sequence[Row]
    size_bytes: int
    rejected: int
    future: Future[WriteResult]
    counts: list[int] = field(default_factory=lambda: [0] * len(Verdict))

    def result(self) -> WriteResult:
        """Return what became of it."""
        stored, replaced, duplicates, conflicts, rejected = self.counts
        return WriteResult(stored, replaced, duplicates, conflicts, rejected + self.rejected)


@dataclass(slots=True)
class Order:
    """Something that must be done between two commits, in the writer's thread."""

    action: Callable[[], Any]
    future: Future[Any]


class Writer:
    """Owns the thread and, through it, every writing connection."""

    def __init__(
        self,
        directory: DataDirectory,
        *,
        is_expired: Callable[[int], bool],
        purged_sequence: Callable[[int], int],
        start: bool = True,
    ) -> None:
        """Start the thread.

        Args:
            directory: the data directory, whose lock the caller holds.
            is_expired: whether a day (since the epoch) is past retention by now.
            purged_sequence: the last stream sequence of a day's segment that was purged, or 0.
            start: False leaves the thread unstarted (`start` does it).

        """
        self._directory = directory
        self._is_expired = is_expired
        self._purged_sequence = purged_sequence
        self._segments: dict[int, SegmentWriter] = {}
        self._queue: deque[Waiting | Order] = deque()
        self._rows_waiting = 0
        self._bytes_waiting = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="eventlog-store", daemon=True)
        if start:
            self.start()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, rows: Sequence[Row], size_bytes: int, rejected: int) -> Future[WriteResult]:
        """Queue rows; the future is done when they are on disk.

        Args:
            rows: what to store.
            size_bytes: about how much memory they hold.
            rejected: event logs of the same request that were rejected already.

        Raises:
            Overloaded: too much waits already.
            StoreUnavailable: the store is closed.

        """
        waiting = Waiting(rows, size_bytes, rejected, Future())
        with self._changed:
            if self._closing:
                raise StoreUnavailable("the store is closed")
            # One request is always let in to an empty queue, however large it is.
            if self._rows_waiting and (
                self._rows_waiting + len(rows) > QUEUE_ROWS_MAX
                or self._bytes_waiting + size_bytes > QUEUE_BYTES_MAX
            ):
                raise Overloaded(
                    f"{self._rows_waiting} event logs wait to be written, the limit is"
                    f" {QUEUE_ROWS_MAX}"
                )
            self._rows_waiting += len(rows)
            self._bytes_waiting += size_bytes
            self._queue.append(waiting)
            self._changed.notify()
        return waiting.future

    def order(self, action: Callable[[], Any]) -> Future[Any]:
        """Have something done in the writer's thread, between two commits.

        Raises:
            StoreUnavailable: the store is closed.

        """
        order = Order(action, Future())
        with self._changed:
            if self._closing:
                raise StoreUnavailable("the store is closed")
            self._queue.append(order)
            self._changed.notify()
        return order.future

    def retire_segment(self, day: int) -> int:
        """Close a segment and take it out of sight between two commits; return its bytes."""

        def retire() -> int:
            if segment := self._segments.pop(day, None):
                segment.close()
            return self._directory.retire_segment(day)

        return int(self.order(retire).result())

    def close(self) -> None:
        """Write what waits, then close every segment."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        group: list[Waiting] | Order
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                if not self._queue:
                    break
                group = self._take()
            if isinstance(group, Order):
                _carry_out(group)
            elif group:
                self._commit(group)
            group = []  # what was committed must not stay in memory while nothing comes
        for segment in self._segments.values():
            with suppress(sqlite3.Error):
                segment.checkpoint()
            segment.close()
        self._segments.clear()

    def _take(self) -> list[Waiting] | Order:
        """Take the order at the head of the queue, or all requests up to one commit's worth."""
        group: list[Waiting] = []
        rows = 0
        while self._queue:
            head = self._queue[0]
            if isinstance(head, Order):
                if group:
                    break
                self._queue.popleft()
                return head
            if group and rows + len(head.rows) > COMMIT_ROWS_MAX:
                break
            self._queue.popleft()
            rows += len(head.rows)
            self._rows_waiting -= len(head.rows)
            self._bytes_waiting -= head.size_bytes
            if head.future.set_running_or_notify_cancel():
                group.append(head)
        return group

    def _commit(self, group: Sequence[Waiting]) -> None:
        """Store a group and answer each of its requests."""
        try:
            self._store(group)
        except _DATA_ERRORS:
            for waiting in group:
                self._commit_alone(waiting)
        except _BASE_ERRORS as error:
            _log.warning("%d requests could not be stored: %s", len(group), error)
            for waiting in group:
                waiting.future.set_exception(self._failure(error))
        except BaseException as error:  # noqa: BLE001 - a bug must not leave requests waiting
            _log.exception("the writer failed on %d requests", len(group))
            for waiting in group:
                waiting.future.set_exception(StoreUnavailable(f"internal error: {error!r}"))
        else:
            for waiting in group:
                waiting.future.set_result(waiting.result())

    def _commit_alone(self, waiting: Waiting) -> None:
        """Store one request whose group failed, without those of its rows that nothing can hold."""
        good = [row for row in waiting.rows if is_storable(row)]
        waiting.counts = [0] * len(Verdict)
        waiting.counts[Verdict.REJECTED] = len(waiting.rows) - len(good)
        waiting.rows = good
        try:
            self._store([waiting])
        except (*_DATA_ERRORS, *_BASE_ERRORS) as error:
            _log.warning("a request could not be stored: %s", error)
            waiting.future.set_exception(self._failure(error))
        else:
            waiting.future.set_result(waiting.result())

    def _failure(self, error: BaseException) -> RetryableError:
        """Turn a database's error into ours, and let go of segments that are past use."""
        for day, segment in list(self._segments.items()):
            if not segment.is_on_disk() or _is_broken(error):
                del self._segments[day]
                with suppress(sqlite3.Error):
                    segment.close()
        if isinstance(error, RetryableError):
            return error
        return StoreUnavailable(f"the store cannot commit: {error}")

    def _store(self, group: Sequence[Waiting]) -> None:
        """Store a group, one transaction for each segment and each COMMIT_ROWS_MAX rows."""
        by_day: dict[int, list[tuple[Row, list[int]]]] = {}
        for waiting in group:
            counts = waiting.counts
            for row in waiting.rows:
                by_day.setdefault(row.day, []).append((row, counts))
        for day in sorted(by_day):
            counted = by_day[day]
            if self._is_expired(day):  # it expired while it waited: its file may be gone already
                for _, counts in counted:
                    counts[Verdict.REJECTED] += 1
                continue
            segment = self._segment(day)
            for start in range(0, len(counted), COMMIT_ROWS_MAX):
                part = counted[start : start + COMMIT_ROWS_MAX]
                verdicts = segment.write([row for row, _ in part])
                for (_, counts), verdict in zip(part, verdicts, strict=True):
                    counts[verdict] += 1

    def _segment(self, day: int) -> SegmentWriter:
        """Return the open segment of a day, opening or making it."""
        segment = self._segments.pop(day, None)
        if segment is not None and not segment.is_on_disk():
            _log.error("segment %s was removed while it was open", segment.path.name)
            segment.close()
            segment = None
        if segment is None:
            while len(self._segments) >= OPEN_SEGMENTS_MAX:
                oldest = self._segments.pop(next(iter(self._segments)))
                oldest.checkpoint()
                oldest.close()
            path = self._directory.segment_path(day)
            after_sequence = 0 if path.exists() else self._purged_sequence(day)
            segment = SegmentWriter(path, after_sequence)
        self._segments[day] = segment  # last in the order of use
        return segment


def _carry_out(order: Order) -> None:
    if not order.future.set_running_or_notify_cancel():
        return
    try:
        order.future.set_result(order.action())
    except BaseException as error:  # noqa: BLE001 - it is raised where the order was given
        order.future.set_exception(error)


def _is_broken(error: BaseException) -> bool:
    """Whether an error says that the connection or its file is past use."""
    if isinstance(error, ConfigError | OSError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _BROKEN_CODES


_BROKEN_CODES = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
