"""The writer thread: group commit without linger, and answers only after the fsync.

Everything that waits when the thread comes back from a commit goes into the next one. Requests wait
in a queue bounded in rows and bytes; a full queue refuses at once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from otel_eventlog_collector.errors import (
    CollectorError,
    Overloaded,
    RetryableError,
    StoreUnavailable,
)
from otel_eventlog_collector.limits import QUEUE_BYTES_MAX, QUEUE_EVENTS_MAX
from otel_eventlog_collector.protocols import WriteResult
from otel_eventlog_collector.store.row import encode, is_storable
from otel_eventlog_collector.store.sqlite.connect import is_damage
from otel_eventlog_collector.store.sqlite.directory import DataDirectory
from otel_eventlog_collector.store.sqlite.merge import Fate
from otel_eventlog_collector.store.sqlite.open_segments import OpenSegments
from otel_eventlog_collector.store.sqlite.segment import SegmentWriter, Work
from otel_eventlog_collector.store.sqlite.waiting import Share, Waiting, by_day, commits

COMMIT_EVENTS_MAX = 8_192
"""Most event logs of one commit: bounds how long those wait that come next."""

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
        segments: OpenSegments,
        is_expired: Callable[[int], bool],
        start: bool = True,
    ) -> None:
        """Start the thread.

        Args:
            directory: the data directory, whose lock the caller holds.
            segments: opens its files.
            is_expired: whether a day (since the epoch) is past retention by now.
            start: False leaves the thread unstarted (`start` does it).

        """
        self._directory = directory
        self._is_expired = is_expired
        self._segments = segments
        self._queue: deque[Waiting | Order] = deque()
        self._events_waiting = 0
        self._bytes_waiting = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="eventlog-store", daemon=True)
        if start:
            self.start()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, waiting: Waiting) -> Future[WriteResult]:
        """Queue a write; its future is done when it is on disk.

        Raises:
            Overloaded: too much waits already.
            StoreUnavailable: the store is closed.

        """
        with self._changed:
            if self._closing:
                raise StoreUnavailable("the store is closed")
            # One request is always let in to an empty queue, however large it is.
            if self._events_waiting and (
                self._events_waiting + waiting.events > QUEUE_EVENTS_MAX
                or self._bytes_waiting + waiting.size_bytes > QUEUE_BYTES_MAX
            ):
                raise Overloaded(
                    f"{self._events_waiting} event logs wait to be written, the limit is"
                    f" {QUEUE_EVENTS_MAX}"
                )
            self._events_waiting += waiting.events
            self._bytes_waiting += waiting.size_bytes
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
            self._segments.abandon(day)
            return self._directory.retire_segment(day)

        return int(self.order(retire).result())

    def set_aside(self, day: int, reason: str) -> None:
        """Have a damaged file put out of the way; does not wait for it."""
        self.order(lambda: self._segments.set_aside(day, reason))

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
        self._segments.close_all()

    def _take(self) -> list[Waiting] | Order:
        """Take the order at the head of the queue, or all requests up to one commit's worth."""
        group: list[Waiting] = []
        events = 0
        while self._queue:
            head = self._queue[0]
            if isinstance(head, Order):
                if group:
                    break
                self._queue.popleft()
                return head
            if group and events + head.events > COMMIT_EVENTS_MAX:
                break
            self._queue.popleft()
            events += head.events
            self._events_waiting -= head.events
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
        """Store one write whose group failed: whole, or without what of it nothing can hold."""
        waiting.counts.clear()
        try:
            try:
                self._store([waiting])
            except _DATA_ERRORS:
                _sift(waiting)
                self._store([waiting])
        except (*_DATA_ERRORS, *_BASE_ERRORS) as error:
            _log.warning("a request could not be stored: %s", error)
            waiting.future.set_exception(self._failure(error))
        else:
            waiting.future.set_result(waiting.result())

    def _failure(self, error: BaseException) -> RetryableError:
        """Turn a database's error into ours, and let go of segments that are past use."""
        self._segments.abandon_broken(error)
        if isinstance(error, RetryableError):
            return error
        return StoreUnavailable(f"the store cannot commit: {error}")

    def _store(self, group: Sequence[Waiting]) -> None:
        """Store a group, one transaction for each segment and each COMMIT_EVENTS_MAX."""
        for day, shares in sorted(by_day(group).items()):
            if self._is_expired(day):  # it expired while it waited: its file may be gone already
                for share in shares:
                    share.waiting.counts[Fate.REJECTED] += share.events
                continue
            segment = self._segments.get(day)
            try:
                for part in commits(shares, COMMIT_EVENTS_MAX):
                    self._write(segment, part)
            except sqlite3.DatabaseError as error:
                if is_damage(error):
                    self._segments.set_aside(day, f"SQLite says: {error}")
                raise

    def _write(self, segment: SegmentWriter, shares: Sequence[Share]) -> None:
        """Store what several writes have for one segment, and count for each what became of it."""
        work = Work()
        for share in shares:
            work.pairs += share.pairs
            work.observed += [share.waiting.observed_unix_nano] * len(share.pairs)
            work.halves += share.halves
        segment.write(work)
        pair_fates, half_fates = iter(work.pair_fates), iter(work.half_fates)
        for share in shares:
            counts = share.waiting.counts
            counts.update(chain.from_iterable(islice(pair_fates, len(share.pairs))))
            counts.update(islice(half_fates, len(share.halves)))


def _sift(waiting: Waiting) -> None:
    """Take out what no database holds, half by half, and count it as rejected."""
    halves = list(waiting.halves)
    for pair in waiting.pairs:
        with suppress(*_DATA_ERRORS):
            halves += [encode(event, waiting.observed_unix_nano) for event in pair.event_logs()]
    good = [half for half in halves if is_storable(half)]
    waiting.counts = Counter({Fate.REJECTED: waiting.events - len(good)})
    waiting.halves, waiting.pairs = good, ()


def _carry_out(order: Order) -> None:
    if not order.future.set_running_or_notify_cancel():
        return
    try:
        order.future.set_result(order.action())
    except BaseException as error:  # noqa: BLE001 - it is raised where the order was given
        order.future.set_exception(error)
