"""Writes that wait, and how they are divided into commits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from otel_eventlog.pairs import Pair
from otel_eventlog_collector.protocols import WriteResult
from otel_eventlog_collector.store.row import Half, day_of
from otel_eventlog_collector.store.sqlite.merge import Fate


@dataclass(slots=True)
class Waiting:
    """One `write` that waits for its commit.

    Attributes:
        halves: single event logs.
        pairs: whole requests.
        observed_unix_nano: when the pairs were received.
        size_bytes: about how much memory it holds.
        rejected: event logs of the same write that were rejected already.
        future: done when it is on disk.
        counts: what became of its event logs, by Fate.

    """

    halves: Sequence[Half]
    pairs: Sequence[Pair]
    observed_unix_nano: int
    size_bytes: int
    rejected: int
    future: Future[WriteResult] = field(default_factory=Future)
    counts: Counter[Fate] = field(default_factory=Counter)

    @property
    def events(self) -> int:
        """Number of event logs."""
        return len(self.halves) + 2 * len(self.pairs)

    def result(self) -> WriteResult:
        """Return what became of it."""
        counts = [self.counts[fate] for fate in Fate]
        counts[Fate.REJECTED] += self.rejected
        return WriteResult(*counts)


class Share(NamedTuple):
    """What one write has for one day."""

    waiting: Waiting
    pairs: Sequence[Pair]
    halves: Sequence[Half]

    @property
    def events(self) -> int:
        """Number of event logs."""
        return len(self.halves) + 2 * len(self.pairs)


def by_day(group: Sequence[Waiting]) -> dict[int, list[Share]]:
    """Divide writes by the day of their requests; nearly always all are of one."""
    days: dict[int, list[Share]] = {}
    for waiting in group:
        halves: dict[int, list[Half]] = {}
        pairs = _pairs_by_day(waiting.pairs)
        for half in waiting.halves:
            halves.setdefault(half.day, []).append(half)
        for day in pairs.keys() | halves.keys():
            share = Share(waiting, pairs.get(day, ()), halves.get(day, ()))
            days.setdefault(day, []).append(share)
    return days


def _pairs_by_day(pairs: Sequence[Pair]) -> Mapping[int, Sequence[Pair]]:
    if not pairs:
        return {}
    starts = [pair.start_unix_nano for pair in pairs]
    first, last = day_of(min(starts)), day_of(max(starts))
    if first == last:
        return {first: pairs}
    days: dict[int, list[Pair]] = {}
    for pair in pairs:
        days.setdefault(day_of(pair.start_unix_nano), []).append(pair)
    return days


def commits(shares: Sequence[Share], events_max: int) -> Iterator[list[Share]]:
    """Cut shares into commits of at most so many event logs."""
    part: list[Share] = []
    events = 0
    for share in chain.from_iterable(_slices(share, events_max) for share in shares):
        if part and events + share.events > events_max:
            yield part
            part, events = [], 0
        part.append(share)
        events += share.events
    if part:
        yield part


def _slices(share: Share, events_max: int) -> Iterator[Share]:
    """Cut one share that is larger than a commit."""
    if share.events <= events_max:
        yield share
        return
    step = events_max // 2
    for start in range(0, len(share.pairs), step):
        yield Share(share.waiting, share.pairs[start : start + step], ())
    for start in range(0, len(share.halves), events_max):
        yield Share(share.waiting, (), share.halves[start : start + events_max])
