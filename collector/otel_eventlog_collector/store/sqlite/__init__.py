"""The embedded store: a directory of SQLite files, one for each UTC day of the requests' start."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

from otel_eventlog.model import EventLog
from otel_eventlog.pairs import Pair
from otel_eventlog_collector.errors import ConfigError, StoreUnavailable
from otel_eventlog_collector.protocols import (
    Clock,
    ErasureReport,
    PurgeReport,
    StoreStatus,
    WriteResult,
)
from otel_eventlog_collector.query import (
    ActionFigures,
    EventQuery,
    HistogramBucket,
    Page,
    Request,
    RequestPage,
    RequestState,
    TailBatch,
)
from otel_eventlog_collector.store.row import DETAIL_FIELDS, Half, encode
from otel_eventlog_collector.store.sqlite.catalog import Catalog, CatalogState, create_catalog
from otel_eventlog_collector.store.sqlite.directory import (
    DataDirectory,
    DirectoryLock,
    LockInfo,
    lock_holder,
)
from otel_eventlog_collector.store.sqlite.eraser import Eraser
from otel_eventlog_collector.store.sqlite.migration import migrate
from otel_eventlog_collector.store.sqlite.open_segments import OpenSegments
from otel_eventlog_collector.store.sqlite.purge import Brake, Purger, steady_clock
from otel_eventlog_collector.store.sqlite.reader import NS_PER_DAY, Reader
from otel_eventlog_collector.store.sqlite.seal import QUIET_S, Sealer
from otel_eventlog_collector.store.sqlite.waiting import Waiting
from otel_eventlog_collector.store.sqlite.writer import Writer

__all__ = ["LockInfo", "SqliteStore", "lock_holder"]

RETENTION_NS_DEFAULT = 30 * NS_PER_DAY
FUTURE_NS_MAX = NS_PER_DAY
"""A request that starts further ahead of our clock is rejected."""
HALF_BYTES = 1000
PAIR_BYTES = 1500
"""About what a waiting event log, or pair of them, holds in memory beside its attributes."""

_ATTRIBUTES = DETAIL_FIELDS.index("attributes")
_log = logging.getLogger(__name__)


class SqliteStore:
    """`protocols.Store` over one data directory; safe to use from any thread."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        retention_ns: int | None = None,
        size_bytes_max: int | None = None,
        read_only: bool = False,
        steady: Clock = steady_clock,
    ) -> None:
        """Open the directory; `store.open_store` documents the arguments.

        Args:
            directory: the data directory; made if it is not there.
            clock: now, nanoseconds since the epoch.
            retention_ns: how long event logs are kept.
            size_bytes_max: above it the oldest days go.
            read_only: only read; nothing is made or changed in the directory.
            steady: nanoseconds of a clock that nobody sets, to tell when `clock` was.

        Raises:
            ConfigError: the directory is not ours, too new, or in use by another process.

        """
        self._directory = DataDirectory(directory)
        self._clock = clock
        self._size_bytes_max = size_bytes_max
        self._catalog = Catalog(self._directory.catalog_path)
        self._state: CatalogState | None = None
        self._read_only = read_only
        self._closed = False
        self._lock: DirectoryLock | None = None
        if read_only:
            if not self._directory.check():
                raise ConfigError(
                    f"there is no data directory of otel-eventlog at {str(directory)!r}",
                    hint="name the directory that `otel-eventlog serve` was given with --data",
                )
        else:
            self._lock = _claim(self._directory, retention_ns or RETENTION_NS_DEFAULT)
        try:
            self._retention_ns = retention_ns or self._catalog_state().retention_ns
            self._reader = Reader(
                self._directory,
                clock=clock,
                retention_ns=self._retention_ns,
                catalog_state=self._catalog_state,
            )
            if self._lock is not None:
                self._start_writing(steady)
        except sqlite3.Error as error:
            self._release()
            raise ConfigError(f"{str(self._directory.catalog_path)!r}: {error}") from error
        except BaseException:
            self._release()
            raise

    def write(self, events: Sequence[EventLog], pairs: Sequence[Pair] = ()) -> Future[WriteResult]:
        """Queue event logs for the writer; the future is done when they are on disk."""
        if self._read_only:
            raise ConfigError(
                f"{str(self._directory.path)!r} was opened for reading only",
                hint="send to the collector that serves it",
            )
        now = self._clock()
        earliest, latest = max(0, now - self._retention_ns), now + FUTURE_NS_MAX
        halves: list[Half] = []
        for event in events:
            if earliest <= event.start_unix_nano <= latest:
                # A value that nothing can hold: rejected, its neighbours are not.
                with suppress(OverflowError, TypeError, ValueError):
                    halves.append(encode(event, now))
        given = len(events) + 2 * len(pairs)
        pairs = _within(pairs, earliest, latest)
        waiting = Waiting(halves, pairs, now, _size_bytes(halves, pairs), 0)
        waiting.rejected = given - waiting.events
        if waiting.events:
            return self._writer.submit(waiting)
        if self._closed:
            raise StoreUnavailable("the store is closed")
        waiting.future.set_result(waiting.result())
        return waiting.future

    def find(self, query: EventQuery) -> Page:
        """Return one page of event logs; keyset cursors neither skip nor repeat stored rows."""
        return self._reader.find(query)

    def event(self, event_uuid: int) -> EventLog | None:
        """Return one event log by its id."""
        return self._reader.event(event_uuid)

    def request(self, request_uuid: int) -> Request | None:
        """Return the pair of one request."""
        return self._reader.request(request_uuid)

    def requests(
        self, query: EventQuery, state: RequestState | None, no_outcome_before_unix_nano: int
    ) -> RequestPage:
        """Return requests of which an event log passes the query, optionally of one state."""
        return self._reader.requests(query, state, no_outcome_before_unix_nano)

    def position(self) -> str:
        """Return the stream position after everything committed so far."""
        return self._reader.position()

    def tail(self, position: str, query: EventQuery, limit: int) -> TailBatch:
        """Return what was committed after a position and passes the query's filters."""
        return self._reader.tail(position, query, limit)

    def histogram(
        self, query: EventQuery, since_unix_nano: int, until_unix_nano: int, bucket_ns: int
    ) -> Sequence[HistogramBucket]:
        """Return exact counts by status for each slice of time (empty slices included)."""
        return self._reader.histogram(query, since_unix_nano, until_unix_nano, bucket_ns)

    def facets(
        self, query: EventQuery, fields: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[tuple[str, int]]]:
        """Return, for each field, its most frequent values with exact counts."""
        return self._reader.facets(query, fields, limit)

    def action_figures(
        self, query: EventQuery, since_unix_nano: int, until_unix_nano: int, bucket_ns: int
    ) -> Sequence[ActionFigures]:
        """Return counts over time, reasons and durations for each action seen, by its name."""
        return self._reader.action_figures(query, since_unix_nano, until_unix_nano, bucket_ns)

    def purge(self, *, force: bool = False) -> PurgeReport:
        """Remove what is past retention and what is above the size cap."""
        self._check_writable()
        return self._purger.purge(self._retention_ns, self._size_bytes_max, force=force)

    def erase_user(self, user_id: str) -> ErasureReport:
        """Remove every request of a user, bytes and counts included."""
        self._check_writable()
        try:
            return self._eraser.erase_user(user_id)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"the erasure could not be finished: {error}") from error

    def seal(self, *, quiet_s: float = QUIET_S) -> Sequence[str]:
        """Build the indexes for rare keys of days that are over."""
        self._check_writable()
        return self._sealer.seal(quiet_s=quiet_s)

    def _check_writable(self) -> None:
        if self._read_only:
            raise ConfigError(
                f"{str(self._directory.path)!r} was opened for reading only",
                hint="ask the collector that serves it",
            )
        if self._closed:
            raise StoreUnavailable("the store is closed")

    def status(self) -> StoreStatus:
        """Return counts and sizes."""
        return self._reader.status()

    def announce(self, urls: Mapping[str, str]) -> None:
        """Write into the lock file where the collector that holds the directory listens."""
        if self._lock is not None:
            self._lock.describe(urls)

    def close(self) -> None:
        """Write what waits, then release everything; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._reader.pool.close()
        if self._lock is not None:
            self._writer.close()
        self._release()

    def _start_writing(self, steady: Clock) -> None:
        segments = OpenSegments(
            self._directory,
            purged_position=self._purged_position,
            on_set_aside=self._note_set_aside,
        )
        self._writer = Writer(
            self._directory,
            segments=segments,
            is_expired=lambda day: (day + 1) * NS_PER_DAY <= self._clock() - self._retention_ns,
        )
        self._reader.pool.on_damage = self._set_aside
        self._eraser = Eraser(self._directory, self._writer, segments)
        self._sealer = Sealer(
            self._directory,
            writer=self._writer,
            segments=segments,
            pool=self._reader.pool,
            clock=self._clock,
        )
        self._purger = Purger(
            self._directory,
            catalog=self._catalog,
            writer=self._writer,
            pool=self._reader.pool,
            clock=self._clock,
            brake=Brake(self._clock, steady),
            forget_state=partial(setattr, self, "_state", None),
        )

    def _purged_position(self, day: int) -> int:
        purges = self._catalog_state().purges
        return max((purge.last_position for purge in purges if purge.day == day), default=0)

    def _set_aside(self, day: int, reason: str) -> None:
        """Have the writer put a file out of the way that a reader found damaged."""
        with suppress(StoreUnavailable):
            self._writer.set_aside(day, reason)

    def _note_set_aside(self, day: int) -> None:
        """Note what goes away: who watches misses it, and what comes again counts on.

        How far the file had counted cannot be read; it has more bytes than it ever had rows.
        """
        size = self._directory.segment_path(day).stat().st_size
        position = self._purged_position(day) + 2 * size + 1
        with suppress(sqlite3.Error):
            self._catalog.log_purge(
                day, last_position=position, events=0, now_unix_nano=self._clock()
            )
        self._state = None

    def _catalog_state(self) -> CatalogState:
        """Read the catalog; the process that alone writes to it remembers what it says."""
        state = self._state
        if state is None:
            state = self._catalog.state()
            if self._lock is not None:
                self._state = state
        return state

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()


def _within(pairs: Sequence[Pair], earliest: int, latest: int) -> Sequence[Pair]:
    """Return the pairs that start within times; nearly always that is all of them."""
    starts = [pair.start_unix_nano for pair in pairs]
    if not starts or (earliest <= min(starts) and max(starts) <= latest):
        return pairs
    return [pair for pair in pairs if earliest <= pair.start_unix_nano <= latest]


def _size_bytes(halves: Sequence[Half], pairs: Sequence[Pair]) -> int:
    """Return about how much memory they hold while they wait."""
    size = len(halves) * HALF_BYTES + len(pairs) * PAIR_BYTES
    for half in halves:
        if attributes := half.detail[_ATTRIBUTES]:
            size += len(str(attributes))
    for pair in pairs:
        if pair.attributes:
            size += sum(len(str(value)) for value in pair.attributes.values())
    return size


def _claim(directory: DataDirectory, retention_ns: int) -> DirectoryLock:
    """Make the directory ours, or take over ours; the lock says that nobody else does."""
    directory.check()
    directory.create()
    lock = DirectoryLock(directory)
    try:
        if directory.check():
            migrate(directory)
            _remember_retention(directory, retention_ns)
        else:
            create_catalog(directory.catalog_path, retention_ns)
    except (sqlite3.Error, OSError) as error:
        lock.release()
        raise ConfigError(f"{str(directory.catalog_path)!r}: {error}") from error
    except BaseException:
        lock.release()
        raise
    return lock


def _remember_retention(directory: DataDirectory, retention_ns: int) -> None:
    """Note the retention; a full disk is no reason not to start, for a purge may make room."""
    try:
        Catalog(directory.catalog_path).set_retention(retention_ns)
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise
        _log.warning("the retention could not be noted: %s", error)
