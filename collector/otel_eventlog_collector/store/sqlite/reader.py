"""Everything that is read, over all segments: lists merged, counts added, retention clamped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from otel_eventlog.model import EventLog, Phase
from otel_eventlog_collector.errors import QueryError
from otel_eventlog_collector.protocols import Clock, DayStatus, StoreStatus
from otel_eventlog_collector.query import (
    FILTER_FIELDS,
    LIMIT_MAX,
    ActionFigures,
    Cursor,
    EventQuery,
    HistogramBucket,
    Page,
    Request,
    RequestPage,
    RequestState,
    TailBatch,
)
from otel_eventlog_collector.store.row import day_of
from otel_eventlog_collector.store.sqlite import counts, listing, segment_read
from otel_eventlog_collector.store.sqlite.action_counts import ActionCounts, count_actions
from otel_eventlog_collector.store.sqlite.catalog import CatalogState
from otel_eventlog_collector.store.sqlite.directory import DataDirectory, segment_name
from otel_eventlog_collector.store.sqlite.pool import QUERY_S_MAX, SegmentPool
from otel_eventlog_collector.store.sqlite.requests import find_requests
from otel_eventlog_collector.store.sqlite.segment_read import Bounds, Found, cursor_of
from otel_eventlog_collector.store.sqlite.tail import read_position, read_tail

NS_PER_DAY = 86_400 * 1_000_000_000
BUCKETS_MAX = 10_000
"""Most slices of one histogram."""
DAYS_ABREAST = 6
"""So many days are read side by side once the first one did not fill a page."""
_STATUSES = ("start", "success", "error")

T = TypeVar("T")


class Reader:
    """`protocols.EventReader` over a data directory."""

    def __init__(
        self,
        directory: DataDirectory,
        *,
        clock: Clock,
        retention_ns: int,
        catalog_state: Callable[[], CatalogState],
    ) -> None:
        """Open nothing yet.

        Args:
            directory: the data directory.
            clock: now, nanoseconds since the epoch.
            retention_ns: nothing whose request started longer ago is returned.
            catalog_state: reads what the catalog knows.

        """
        self._directory = directory
        self._clock = clock
        self._retention_ns = retention_ns
        self._catalog_state = catalog_state
        self.pool = SegmentPool(directory)

    def days(self) -> dict[int, int | None]:
        """Return the days within retention, each with its cutoff if retention cuts through it."""
        cutoff = self._clock() - self._retention_ns
        days: dict[int, int | None] = {}
        for day in self._directory.days():
            if (day + 1) * NS_PER_DAY > cutoff:
                days[day] = cutoff if day * NS_PER_DAY < cutoff else None
        return days

    def find(self, query: EventQuery) -> Page:
        """Return one page of event logs."""
        limit = _limit(query.limit)

        read = partial(listing.find, query=query)

        def has_none(bounds: Bounds) -> bool:
            return _is_outside(bounds, query.since_unix_nano, query.until_unix_nano)

        found, more = self._listing(query, limit, read, lambda each: each.order, has_none)
        return Page([each.event for each in found], cursor_of(found[-1]) if more else None)

    def event(self, event_uuid: int) -> EventLog | None:
        """Return one event log by its id."""
        found = self._halves(event_uuid)
        return next((each.event for each in found if each.event.event_uuid_int == event_uuid), None)

    def request(self, request_uuid: int) -> Request | None:
        """Return the pair of one request."""
        found = self._halves(request_uuid)
        if not found or found[0].event.request_uuid_int != request_uuid:
            return None
        return _request(found)

    def requests(
        self, query: EventQuery, state: RequestState | None, no_outcome_before_unix_nano: int
    ) -> RequestPage:
        """Return requests of which an event log passes the query."""
        limit = _limit(query.limit)

        read = partial(find_requests, query=query, state=(state, no_outcome_before_unix_nano))

        def has_none(bounds: Bounds) -> bool:
            return _is_outside(bounds, query.since_unix_nano, query.until_unix_nano)

        found, more = self._listing(query, limit, read, lambda pair: pair[0].order, has_none)
        cursor = cursor_of(found[-1][0]) if more else None
        return RequestPage([_request(pair) for pair in found], cursor)

    def position(self) -> str:
        """Return the stream position after everything committed so far."""
        state = self._catalog_state()
        return read_position(self.pool, self.days(), state)

    def tail(self, position: str, query: EventQuery, limit: int) -> TailBatch:
        """Return what was committed after a position and passes the query's filters."""
        state = self._catalog_state()
        return read_tail(self.pool, self.days(), state, (position, query, _limit(limit)))

    def histogram(
        self, query: EventQuery, since_unix_nano: int, until_unix_nano: int, bucket_ns: int
    ) -> Sequence[HistogramBucket]:
        """Return exact counts by status for each slice of time."""
        number = _slices(since_unix_nano, until_unix_nano, bucket_ns)
        bounded = _bounded(query, since_unix_nano, until_unix_nano)
        totals: Counter[tuple[int, str]] = Counter()
        count = partial(
            counts.slices, query=bounded, since_unix_nano=since_unix_nano, bucket_ns=bucket_ns
        )
        none: Counter[tuple[int, str]] = Counter()
        for found in self._read_within(bounded, count, none):
            totals.update(found)
        return [
            HistogramBucket(
                since_unix_nano + at * bucket_ns,
                {status: totals[at, status] for status in _STATUSES},
            )
            for at in range(number)
        ]

    def facets(
        self, query: EventQuery, fields: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[tuple[str, int]]]:
        """Return, for each field, its most frequent values with exact counts."""
        for name in fields:
            if name not in FILTER_FIELDS:
                raise QueryError("fields", f"{name!r} is no field that can be counted")
        totals: dict[str, Counter[str]] = {name: Counter() for name in fields}
        bounded = replace(query, cursor=None)
        count = partial(counts.facets, query=bounded, fields=fields)
        nothing: dict[str, Counter[str]] = {}
        for found in self._read_within(bounded, count, nothing):
            for name, total in found.items():
                totals[name].update(total)
        return {
            name: sorted(total.items(), key=lambda item: (-item[1], item[0]))[:limit]
            for name, total in totals.items()
        }

    def action_figures(
        self, query: EventQuery, since_unix_nano: int, until_unix_nano: int, bucket_ns: int
    ) -> Sequence[ActionFigures]:
        """Return counts over time, reasons and durations for each action seen, by its name."""
        number = _slices(since_unix_nano, until_unix_nano, bucket_ns)
        bounded = _bounded(query, since_unix_nano, until_unix_nano)
        total = ActionCounts()
        count = partial(
            count_actions, query=bounded, since_unix_nano=since_unix_nano, bucket_ns=bucket_ns
        )
        for found in self._read_within(bounded, count, ActionCounts()):
            total.add(found)
        return total.figures(number)

    def status(self) -> StoreStatus:
        """Return counts and sizes."""
        days = self._directory.days()
        by_day = [
            DayStatus(
                segment_name(day),
                self.pool.read(day, segment_read.count, 0),
                self._directory.segment_bytes(day),
            )
            for day in days
        ]
        oldest, newest = self._oldest_and_newest(days)
        return StoreStatus(
            events=sum(each.events for each in by_day),
            bytes_on_disk=self._directory.bytes_on_disk(),
            oldest_unix_nano=oldest,
            newest_unix_nano=newest,
            segments=len(days),
            retention_ns=self._retention_ns,
            days=by_day,
            set_aside=[*self._directory.files_set_aside(), *self.pool.damaged()],
        )

    def _oldest_and_newest(self, days: Iterable[int]) -> tuple[int | None, int | None]:
        """Return the first and last time; only days in whose outermost minute it lies are read."""
        outer = {day: bounds for day in days if (bounds := self._bounds(day))}
        low = min((each.low for each in outer.values()), default=None)
        high = max((each.high for each in outer.values()), default=None)
        wanted = [day for day, each in outer.items() if each.low == low or each.high == high]
        times = [self.pool.read(day, segment_read.exact_bounds, None) for day in wanted]
        exact = [each for each in times if each]
        return (
            min((each.low for each in exact), default=None),
            max((each.high for each in exact), default=None),
        )

    def _bounds(self, day: int) -> Bounds | None:
        return self.pool.read(day, segment_read.bounds, None)

    def _read_within(self, query: EventQuery, count: Callable[..., T], none: T) -> list[T]:
        """Count in all days that may hold event logs between a query's times."""
        works = []
        for day, cutoff in self.days().items():
            bounds = self._bounds(day)
            if bounds and not _is_outside(bounds, query.since_unix_nano, query.until_unix_nano):
                works.append((day, partial(count, cutoff=cutoff)))
        return self.pool.read_each(works, none, time.monotonic() + QUERY_S_MAX)

    def _halves(self, uuid: int) -> list[Found]:
        if not 0 <= uuid < 1 << 128:
            return []
        day = day_of((uuid >> 80) * 1_000_000)
        days = self.days()
        if day not in days:
            return []
        work = partial(segment_read.halves, event_uuid=uuid, cutoff=days[day])
        return self.pool.read(day, work, [])

    def _listing(
        self,
        query: EventQuery,
        limit: int,
        read: Callable[..., list[T]],
        order: Callable[[T], tuple[int, int, int, int]],
        has_none: Callable[[Bounds], bool],
    ) -> tuple[list[T], bool]:
        """Merge the first of every segment; return them and whether there are more.

        Segments are asked in the order of the listing, and no more than can still matter: times of
        neighbouring days overlap, because a segment is named by the start of its requests.
        """
        is_desc = query.order == "desc"
        segments = []
        for day, cutoff in self.days().items():
            bounds = self._bounds(day)
            if bounds and not has_none(bounds) and not _is_passed(bounds, query.cursor, is_desc):
                segments.append((bounds, day, cutoff))
        segments.sort(key=lambda item: item[0].high if is_desc else item[0].low, reverse=is_desc)
        found: list[T] = []
        at, abreast = 0, 1
        deadline_s = time.monotonic() + QUERY_S_MAX
        while at < len(segments):
            if len(found) > limit:
                last, bounds = order(found[limit])[0], segments[at][0]
                if bounds.high < last if is_desc else bounds.low > last:
                    break
            works = [
                (day, partial(read, limit=limit + 1, cutoff=cutoff))
                for _, day, cutoff in segments[at : at + abreast]
            ]
            nothing: list[T] = []
            for part in self.pool.read_each(works, nothing, deadline_s):
                found += part
            found.sort(key=order, reverse=is_desc)
            del found[limit + 1 :]
            # What did not fill a page with the first day is rare: others are asked side by side.
            at, abreast = at + abreast, DAYS_ABREAST
        return found[:limit], len(found) > limit


def _limit(limit: int) -> int:
    if not 1 <= limit <= LIMIT_MAX:
        raise QueryError("limit", f"{limit} is not between 1 and {LIMIT_MAX}")
    return limit


def _is_outside(bounds: Bounds, since: int | None, until: int | None) -> bool:
    return (since is not None and bounds.high < since) or (
        until is not None and bounds.low >= until
    )


def _is_passed(bounds: Bounds, cursor: Cursor | None, is_desc: bool) -> bool:  # noqa: FBT001
    if cursor is None:
        return False
    if is_desc:
        return bounds.low > cursor.time_unix_nano
    return bounds.high < cursor.time_unix_nano


def _bounded(query: EventQuery, since: int, until: int) -> EventQuery:
    """Return a query narrowed to a time range as well."""
    if query.since_unix_nano is not None:
        since = max(since, query.since_unix_nano)
    if query.until_unix_nano is not None:
        until = min(until, query.until_unix_nano)
    return replace(query, since_unix_nano=since, until_unix_nano=until, cursor=None)


def _slices(since: int, until: int, bucket_ns: int) -> int:
    if bucket_ns <= 0:
        raise QueryError("bucket", f"a slice of {bucket_ns} ns is no time")
    number = max(0, -(-(until - since) // bucket_ns))
    if number > BUCKETS_MAX:
        raise QueryError(
            "bucket",
            f"{number} slices are more than {BUCKETS_MAX}",
            hint="ask for longer slices or a shorter time range",
        )
    return number


def _request(found: Sequence[Found]) -> Request:
    by_phase = {each.event.phase: each.event for each in found}
    return Request(by_phase.get(Phase.START), by_phase.get(Phase.END))
