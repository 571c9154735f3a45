"""Counters of a delivery, and the rare line in the log.

Nothing is ever printed: without a logging configuration Python would write warnings of any logger
to standard error, so ours has a handler that does nothing. Such an application sees the counters.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

NOTICE_INTERVAL_S = 60.0
"""At most one line of each kind in this time."""

logger = logging.getLogger("otel_eventlog")
logger.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class DeliveryStats:
    """What has become of the event logs of one delivery, at one moment.

    Attributes:
        queued: waiting in memory.
        spooled_bytes: waiting on disk, and not yet removed from there.
        delivered: accepted by the collector.
        dropped: lost for good, by reason (docs of `Drop`).
        retried: attempts that were not the first.
        corrupt: records of the spool that could not be read back; also in `dropped`.
        spool_failures: records that could not be written to the spool and waited in memory.
        restarts: how often the delivery's thread broke off and was started again.
        is_failing: whether the last attempt failed.

    """

    queued: int = 0
    spooled_bytes: int = 0
    delivered: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    retried: int = 0
    corrupt: int = 0
    spool_failures: int = 0
    restarts: int = 0
    is_failing: bool = False


class Drop:
    """Why event logs are lost."""

    QUEUE_FULL = "queue_full"
    """More waited than memory (and spool) may hold."""
    UNMAPPABLE = "unmappable"
    """What was put could not be turned into event logs: a mistake of ours."""
    UNENCODABLE = "unencodable"
    """An event log could not be turned into a log record: a mistake of ours."""
    REJECTED = "rejected"
    """The collector will never accept it."""
    TOO_LARGE = "too_large"
    """The collector takes no request that large, even with this record alone."""
    SHUTDOWN = "shutdown"
    """The process ended first, or the item came after the end."""
    SPOOL_CORRUPT = "spool_corrupt"
    """A record of the spool does not have its checksum."""
    BROKEN = "broken"
    """Delivering it failed again and again inside of this process: a mistake of ours."""


class Tally:
    """The counters. Used where something is lost or an attempt has ended, never per `put`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start at zero.

        Args:
            clock: monotonic seconds.

        """
        self._clock = clock
        self._lock = threading.RLock()  # a finaliser may interrupt us and drop something
        self._dropped: dict[str, int] = {}
        self._reported: dict[str, int] = {}
        self._last_notice_s: dict[str, float] = {}
        self.delivered = 0
        self.retried = 0
        self.restarts = 0
        self._spool_failures = 0
        self.is_failing = False

    def drop(self, reason: str, count: int = 1) -> None:
        """Count event logs that are lost."""
        if count > 0:
            with self._lock:
                self._dropped[reason] = self._dropped.get(reason, 0) + count

    def fail_spool(self, count: int) -> None:
        """Count event logs that could not be written to the spool."""
        with self._lock:
            self._spool_failures += count

    def stats(self, queued: int, spooled_bytes: int) -> DeliveryStats:
        """Return the counters of this moment."""
        with self._lock:
            dropped = dict(self._dropped)
        return DeliveryStats(
            queued=queued,
            spooled_bytes=spooled_bytes,
            delivered=self.delivered,
            dropped=dropped,
            retried=self.retried,
            corrupt=dropped.get(Drop.SPOOL_CORRUPT, 0),
            spool_failures=self._spool_failures,
            restarts=self.restarts,
            is_failing=self.is_failing,
        )

    def notice(self, kind: str, level: int, text: str, *values: object) -> bool:
        """Log a line unless one of this kind was logged within the interval."""
        now = self._clock()
        last = self._last_notice_s.get(kind)
        if last is not None and now - last < NOTICE_INTERVAL_S:
            return False
        self._last_notice_s[kind] = now
        with contextlib.suppress(Exception):  # a filter of the application's may raise
            logger.log(level, text, *values)
        return True

    def report_drops(self, *, is_final: bool = False) -> None:
        """Say what was lost since the last time, at most once in the interval."""
        with self._lock:
            dropped = dict(self._dropped)
        if dropped == self._reported:
            return
        news = [
            f"{reason}: {count - self._reported.get(reason, 0)}"
            for reason, count in sorted(dropped.items())
            if count != self._reported.get(reason, 0)
        ]
        if is_final:
            self._last_notice_s.pop("drops", None)
        if self.notice("drops", logging.WARNING, "Event logs were dropped (%s)", ", ".join(news)):
            self._reported = dropped
