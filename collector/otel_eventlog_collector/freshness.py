"""How fresh what is seen is: from a request's end to its outcome on disk and visible to queries.

Counted in slices of time with logarithmic buckets, so that any number of event logs costs the
same memory. The live tail shows what was committed a tenth of a second later at most.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from otel_eventlog.model import EventLog, Status
from otel_eventlog.pairs import Pair

SLICE_S = 10
SLICES = 30
WINDOW_S = SLICE_S * SLICES
"""How far back the figures look."""
SAMPLES_PER_WRITE_MAX = 64
"""Most outcomes of one write that are looked at, spread over it."""
_GROWTH = 1.1
"""A bucket is so much wider than the one below: figures are right to some five percent."""
_BUCKETS = 220
_FIRST_MS = 0.01
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Lag:
    """Figures over the last WINDOW_S seconds; `count` is how many outcomes were looked at."""

    count: int
    p50_ms: float
    p99_ms: float


@dataclass(slots=True)
class _Slice:
    number: int
    buckets: list[int] = field(default_factory=lambda: [0] * _BUCKETS)


def outcome_times(events: Sequence[EventLog], pairs: Sequence[Pair] = ()) -> list[int]:
    """Return when some of the outcomes of a write happened; take it before the write."""
    outcomes = [event.time_unix_nano for event in events if event.status is not Status.START]
    step = max(1, math.ceil((len(outcomes) + len(pairs)) / SAMPLES_PER_WRITE_MAX))
    return [*outcomes[::step], *(pair.end_unix_nano for pair in pairs[::step])]


class Freshness:
    """Collects lags. Any thread may ask."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._slices: deque[_Slice] = deque(maxlen=SLICES)

    def add(self, times_unix_nano: Sequence[int], now_unix_nano: int) -> None:
        """Count outcomes that were committed just now. A time in the future counts as now."""
        if not times_unix_nano:
            return
        number = now_unix_nano // (SLICE_S * _NS_PER_S)
        with self._lock:
            if not self._slices or self._slices[-1].number != number:
                self._slices.append(_Slice(number))
            buckets = self._slices[-1].buckets
            for time_unix_nano in times_unix_nano:
                buckets[_bucket((now_unix_nano - time_unix_nano) / _NS_PER_MS)] += 1

    def lag(self, now_unix_nano: int) -> Lag | None:
        """Return the figures, None if nothing was committed in the window."""
        oldest = now_unix_nano // (SLICE_S * _NS_PER_S) - SLICES
        with self._lock:
            kept = [each.buckets for each in self._slices if each.number > oldest]
            counts = [sum(column) for column in zip(*kept, strict=True)]
        total = sum(counts)
        if not total:
            return None
        return Lag(total, _quantile(counts, total, 0.5), _quantile(counts, total, 0.99))


def _bucket(lag_ms: float) -> int:
    if lag_ms <= _FIRST_MS:
        return 0
    return min(_BUCKETS - 1, math.ceil(math.log(lag_ms / _FIRST_MS, _GROWTH)))


def _quantile(counts: Sequence[int], total: int, share: float) -> float:
    """Return the upper end of the bucket in which a share of all is reached."""
    left = share * total
    for number, count in enumerate(counts):
        left -= count
        if left <= 0:
            return round(_FIRST_MS * _GROWTH**number, 3)
    return math.inf  # pragma: no cover - the shares add up
