"""Removing whole day segments: what is due, and the brake against a clock that jumps."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable

from otel_eventlog_collector.errors import CollectorError
from otel_eventlog_collector.protocols import Clock, PurgeReport
from otel_eventlog_collector.store.sqlite import segment_read
from otel_eventlog_collector.store.sqlite.catalog import Catalog
from otel_eventlog_collector.store.sqlite.directory import DataDirectory, segment_name
from otel_eventlog_collector.store.sqlite.pool import SegmentPool
from otel_eventlog_collector.store.sqlite.writer import Writer

UNTRUSTED_SEGMENTS_MAX = 2
"""Most segments that one purge removes for their age while the clock is not trusted."""
CLOCK_STEP_NS_MAX = 3600 * 1_000_000_000
"""A wall clock that moved more than this against the steady one is trusted no more."""
STEADY_NS_MIN = 3600 * 1_000_000_000
"""So long a clock has to run steadily after the start to be trusted."""

_NS_PER_DAY = 86_400 * 1_000_000_000
_log = logging.getLogger(__name__)


def steady_clock() -> int:
    """Return nanoseconds of a clock that nobody sets; it counts on while the machine sleeps."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if boottime is None else time.clock_gettime_ns(boottime)


class Brake:
    """Judges whether the wall clock can be trusted with removing many days at once."""

    def __init__(self, clock: Clock, steady: Clock) -> None:
        """Take both clocks' time as the reference."""
        self._clock = clock
        self._steady = steady
        self._opened_steady = steady()
        self._reference = (clock(), steady())
        self._has_jumped = False

    def distrust(self) -> str:
        """Return why the clock is not trusted, or "" if it is."""
        wall, steady = self._clock(), self._steady()
        step_ns = (wall - self._reference[0]) - (steady - self._reference[1])
        if abs(step_ns) > CLOCK_STEP_NS_MAX:
            self._has_jumped = True
        self._reference = (wall, steady)
        if self._has_jumped:
            return "the clock was set by more than an hour while the collector ran"
        if steady - self._opened_steady < STEADY_NS_MIN:
            return "the collector has not run for an hour yet"
        return ""

    def confirm(self) -> None:
        """Trust the clock as it is now: a person said so."""
        self._has_jumped = False
        self._reference = (self._clock(), self._steady())


class Purger:
    """Removes segments past retention, and the oldest ones above the size cap."""

    def __init__(
        self,
        directory: DataDirectory,
        *,
        catalog: Catalog,
        writer: Writer,
        pool: SegmentPool,
        clock: Clock,
        brake: Brake,
        forget_state: Callable[[], None],
    ) -> None:
        """Remember what it works with; `forget_state` is called after the catalog has changed."""
        self._directory = directory
        self._catalog = catalog
        self._writer = writer
        self._pool = pool
        self._clock = clock
        self._brake = brake
        self._forget_state = forget_state

    def purge(self, retention_ns: int, size_bytes_max: int | None, *, force: bool) -> PurgeReport:
        """Remove what is due and return what was removed."""
        self._directory.sweep()  # what a purge that was cut short left behind
        cutoff = self._clock() - retention_ns
        due = [day for day in self._directory.days() if (day + 1) * _NS_PER_DAY <= cutoff]
        refused = ""
        if force:
            self._brake.confirm()
        elif (reason := self._brake.distrust()) and len(due) > UNTRUSTED_SEGMENTS_MAX:
            refused = (
                f"{len(due)} days are past retention at once, but {reason}:"
                " nothing was removed for its age"
                " (if the clock is right: stop the collector and run `otel-eventlog prune --force`)"
            )
            due = []
        removed = [self._remove(day) for day in due]
        if size_bytes_max is not None:
            removed += self._shrink(size_bytes_max)
        aside = self._directory.remove_set_aside(cutoff // _NS_PER_DAY) if not refused else 0
        self._directory.sweep()
        return PurgeReport(
            segments=[name for name, _, _ in removed],
            events=sum(events for _, events, _ in removed),
            bytes_freed=sum(freed for _, _, freed in removed) + aside,
            refused=refused,
        )

    def _shrink(self, size_bytes_max: int) -> list[tuple[str, int, int]]:
        """Remove the oldest days until the directory fits; the newest day always stays."""
        removed: list[tuple[str, int, int]] = []
        for day in self._directory.days()[:-1]:
            if self._directory.bytes_on_disk() <= size_bytes_max:
                break
            removed.append(self._remove(day))
            self._directory.sweep()
        return removed

    def _remove(self, day: int) -> tuple[str, int, int]:
        """Remove one segment; return its name, event logs and bytes."""
        last_position, events = 0, 0
        try:
            last_position = self._pool.read(day, segment_read.last_position, 0)
            events = self._pool.read(day, segment_read.count, 0)
        except CollectorError as error:  # a broken segment must go as well
            _log.warning("removing segment %s unread: %s", segment_name(day), error)
        is_logged = self._log_purge(day, last_position, events)
        self._pool.drop(day)
        freed = self._writer.retire_segment(day)
        self._pool.drop(day)
        if not is_logged:  # on a full disk: now there is space
            self._directory.sweep()
            self._log_purge(day, last_position, events)
        self._forget_state()
        return segment_name(day), events, freed

    def _log_purge(self, day: int, last_position: int, events: int) -> bool:
        try:
            self._catalog.log_purge(
                day,
                last_position=last_position,
                events=events,
                now_unix_nano=self._clock(),
            )
        except (sqlite3.Error, CollectorError) as error:
            _log.warning("the purge of %s could not be noted: %s", segment_name(day), error)
            return False
        return True
