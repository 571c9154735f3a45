"""The last records that were refused, for people who ask why theirs are missing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from otel_eventlog_collector.otlp.rejected import Rejected

REJECTIONS_KEPT_MAX = 200
"""Rejected records that are kept for inspection, the last ones."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected record, and how it came.

    Attributes:
        time_unix_nano: when it came.
        transport: `http` or `grpc`.
        signal: `traces` or `logs`.
        record: what is told of it.

    """

    time_unix_nano: int
    transport: str
    signal: str
    record: Rejected


class RecentRejections:
    """The last REJECTIONS_KEPT_MAX rejected records, in memory. Thread-safe.

    Args:
        clock: the collector's time, nanoseconds since the epoch.

    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        """Begin with none."""
        self._clock = clock
        # Appending to a deque, and copying one, are each one step of the interpreter.
        self._kept: deque[Rejection] = deque(maxlen=REJECTIONS_KEPT_MAX)

    def add(self, transport: str, signal: str, records: Iterable[Rejected]) -> None:
        """Keep records of one request."""
        now = self._clock()
        self._kept.extend(Rejection(now, transport, signal, record) for record in records)

    def recent(self) -> Sequence[Rejection]:
        """Return what is kept, the newest first."""
        return tuple(self._kept.copy())[::-1]
